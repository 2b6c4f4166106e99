import type { HashName } from '../hash.ts';
import type { SecureBootVariables } from '../secure-boot/variables.ts';
import type { Gpt } from '../uefi/gpt.ts';
import type { Consoles } from '../uki/consoles.ts';
import type { SideFiles } from '../uki/side-files.ts';

/** Whether Secure Boot is enforced. Which keys are enrolled follows from the variable store. */
export type SecureBootState = 'off' | 'on';

/** The machine that the image will boot on, as far as its registers depend on it. Facts left out are unknown. */
export interface Machine {
  /**
   * The disk that the image is booted from: its bytes up to the end of the partition array, or the parsed table.
   * `unpartitioned` (or bytes without a GPT) is a disk that is one file system.
   */
  readonly disk?: Uint8Array | Gpt | 'unpartitioned' | undefined;
  /**
   * Path of the image in the EFI system partition; `\EFI\BOOT\BOOTX64.EFI` by default. Event data shows it, and the stub
   * looks for files of the image's own in a folder of that name.
   */
  readonly imagePath?: string | undefined;
  /**
   * Files of the image's file system that its stub may take: addons, credentials, extensions. By path, with `/` or `\`
   * between folders; others are ignored. Absent: there are none.
   */
  readonly sideFiles?: SideFiles | undefined;
  /** Text that firmware or a boot loader passes to the image (UEFI's load options); empty when absent. */
  readonly loadOptions?: string | undefined;
  readonly secureBoot: SecureBootState;
  /** The keys as signature lists, where they are known otherwise than by `firmware.vars`; what is absent is empty. */
  readonly secureBootVariables?: Partial<SecureBootVariables> | undefined;
  readonly firmware?: FirmwareFacts | undefined;
  /** A shim that firmware starts in the image's place, and that then starts the image (as `grubx64.efi` beside it). */
  readonly shim?: Uint8Array | undefined;
  /**
   * The option ROMs of the machine's devices, in the order in which firmware finds the devices; false when none brings
   * one that firmware runs, true when one may and is not known.
   */
  readonly optionRoms?: boolean | readonly Uint8Array[] | undefined;
  /** Value of the SMBIOS type 11 string `io.systemd.stub.kernel-cmdline-extra=`. */
  readonly smbiosCommandLine?: string | undefined;
  /** What the stub may take for the kernel's console; `qemu` says it, too. */
  readonly consoles?: Consoles | undefined;
  /** The virtual machine below the firmware. PCR 0 and 1 follow from it. */
  readonly qemu?: QemuMachine | undefined;
}

/** The firmware, by the digests of its files. */
export interface FirmwareFacts {
  /** SHA-256 of the code file, in hex. */
  readonly codeSha256?: string | undefined;
  /** SHA-256 of the variable store that the machine is first started with, in hex. */
  readonly varsSha256?: string | undefined;
  /** The code file's bytes: PCR 0 measures its volumes. */
  readonly code?: Uint8Array | undefined;
  /** The variable store's bytes: PCR 1 and 7 measure variables in it. */
  readonly vars?: Uint8Array | undefined;
}

/** A machine of QEMU's. What it hands to firmware was read out of QEMU itself, or computed. */
export interface QemuMachine {
  /** `10.0.7`. */
  readonly version: string;
  readonly chipset: 'q35' | 'pc';
  /** `-machine`'s type where it names a version: `pc-q35-10.0`. Left out: QEMU's newest. */
  readonly machineType?: string | undefined;
  readonly memoryMib: number;
  /** Processors at boot. */
  readonly vcpus: number;
  /** Processors that can be plugged in; as many as at boot when left out. */
  readonly maxVcpus?: number | undefined;
  readonly cpu: {
    /** CPUID's vendor, as firmware sees it. */
    readonly vendor: 'AuthenticAMD' | 'GenuineIntel';
    /** MAXPHYADDR. */
    readonly physicalAddressBits: number;
  };
  /** False where KVM runs the processors, or may: no such machine was ever compared. */
  readonly emulated?: boolean | undefined;
  /** Files of fw_cfg as firmware reads them when its drivers have configured the devices (`etc/acpi/tables`). */
  readonly fwCfg: Readonly<Record<string, Uint8Array>>;
  /** What firmware can boot from, in the order in which it finds it (`findBootDevices`). */
  readonly bootDevices: readonly BootDevice[];
  /** True when any device has a boot index, so that firmware keeps to those that have one. */
  readonly hasBootIndex: boolean;
  /** True when the image is handed over by `-kernel`, and not by a disk. */
  readonly directBoot: boolean;
  /** Absent: not known. */
  readonly consoles?: Consoles | undefined;
  /** What was given of the machine and not understood: PCR 1 may follow from it, and no other register is certain. */
  readonly unknown?: readonly string[] | undefined;
  /** What the machine has that PCR 1's rules were never compared with in a boot. */
  readonly untried?: readonly string[] | undefined;
}

/** Something that firmware makes a boot option of. */
export interface BootDevice {
  readonly kind: 'disk' | 'cdrom' | 'network';
  /** The description that firmware gives the option: `UEFI Misc Device`. */
  readonly description: string;
  /** The description instead, where the disk as a whole is one file system. */
  readonly fileSystemDescription?: string | undefined;
  /** EFI_DEVICE_PATH_PROTOCOL nodes with the end node. */
  readonly path: Uint8Array;
  readonly bootIndex?: number | undefined;
}

/** What is known of the kernel's build and can't be read out of the image. */
export interface KernelFacts {
  /**
   * `CONFIG_IMA`: false without it; true where it is there and a policy may make it measure files; what it is set to
   * where it is there and nothing gives it a policy.
   */
  readonly ima?: boolean | ImaFacts | undefined;
}

/** The kernel's IMA without a policy: all that it measures is its first record. */
export interface ImaFacts {
  /** `CONFIG_IMA_DEFAULT_TEMPLATE`. */
  readonly template: 'ima-ng' | 'ima-sig';
  /**
   * Algorithms that are built into the kernel and not modules (`CONFIG_CRYPTO_SHA512=y` for SHA-384 and SHA-512). In a
   * bank of any other, IMA extends its SHA-1 digest with zeros behind it.
   */
  readonly hashes: readonly HashName[];
}
