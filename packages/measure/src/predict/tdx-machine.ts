import type { SecureBootVariables } from '../secure-boot/variables.ts';
import type { MrtdOrder } from '../tdx/mrtd.ts';
import type { OvmfEvidence, OvmfRelease } from '../tdx/ovmf.ts';
import type { TdHobVmm } from '../tdx/td-hob.ts';
import type { TdvfSection } from '../tdx/tdvf.ts';
import type { KernelFacts, Machine } from './machine.ts';

/** What is measured, or its SHA-384 digest where its bytes are not at hand; `logIndex` where a log told it. */
export type Measurable = Uint8Array | { readonly sha384: Uint8Array; readonly logIndex?: number };

/** A TD and what runs it, as far as its registers depend on it. Facts left out are unknown. */
export interface TdxMachine {
  readonly vmm: TdHobVmm;
  /** QEMU's version: `10.0.7`. */
  readonly qemuVersion?: string | undefined;
  readonly memoryBytes?: number | undefined;
  readonly firmware?: TdxFirmware | undefined;
  /** In which order the VMM measures the firmware's pages. */
  readonly mrtdOrder?: MrtdOrder | undefined;
  readonly acpi?: TdxAcpi | undefined;
  /** The SMBIOS table as firmware measures it, its volatile fields blanked. */
  readonly smbios?: Measurable | undefined;
  /** SMBIOS as the VMM gives it (`etc/smbios/smbios-tables`): stubs from 262 on measure structures of it. */
  readonly smbiosTable?: Uint8Array | undefined;
  /**
   * Values of fw_cfg that firmware reads while it sets memory up, by name (`BootMenu`, `bootorder`, …); one that QEMU does
   * not have is left out. Absent: not known.
   */
  readonly fwCfg?: Readonly<Record<string, Measurable>> | undefined;
  readonly secureBoot?: TdxSecureBoot | undefined;
  /** The boot options when firmware is about to start one. */
  readonly bootVariables?: TdxBootVariables | undefined;
}

/** The firmware: its file, or what is known of it without the file. */
export interface TdxFirmware {
  readonly file?: Uint8Array | undefined;
  /** What its code shows; see `readOvmfTraits`. */
  readonly evidence?: OvmfEvidence | undefined;
  /** The upstream release that it was made from. */
  readonly release?: OvmfRelease | undefined;
  readonly mrtd?: Uint8Array | undefined;
  /** The sections of its TDVF metadata. */
  readonly sections?: readonly TdvfSection[] | undefined;
  /** Its volume of variables. */
  readonly configuration?: Measurable | undefined;
}

/** QEMU's ACPI files. The loader and the pointer follow from the tables where these are given in bytes. */
export interface TdxAcpi {
  readonly tables: Measurable;
  readonly loader?: Measurable | undefined;
  readonly rsdp?: Measurable | undefined;
  /** `td` or a reason to doubt that a TD gets these bytes: `read out of an ordinary virtual machine`. */
  readonly from: 'td' | { readonly doubt: string };
}

/** Secure Boot in the TD. Where it is absent, firmware's volume of variables tells. */
export interface TdxSecureBoot {
  /** Built with it: there is a variable SecureBoot. */
  readonly built: boolean;
  readonly enforced: boolean;
  readonly variables: Partial<SecureBootVariables>;
}

/** BootOrder, and each option in its order. */
export interface TdxBootVariables {
  readonly options: readonly { readonly number: number; readonly data: Measurable }[];
  readonly from: 'td' | { readonly doubt: string };
}

/** What the TD boots. */
export type TdxBoot =
  /** An image from a disk. */
  | {
      readonly kind: 'disk';
      readonly uki: Uint8Array;
      readonly disk?: Machine['disk'];
      readonly imagePath?: string | undefined;
    }
  /** A kernel that QEMU hands over: `-kernel`, `-append`, `-initrd`. */
  | {
      readonly kind: 'direct';
      readonly kernel: Uint8Array;
      readonly commandLine: string;
      readonly initrd?: Uint8Array | undefined;
    }
  /** Images that are known by their digests alone. */
  | {
      readonly kind: 'digests';
      readonly direct: boolean;
      /** Authenticode digests of what is started, in order. */
      readonly applications: readonly Uint8Array[];
      readonly partitionTable?: Uint8Array | undefined;
      /** What the kernel measures: its command line in UTF-16 with the NUL, its initrd. */
      readonly loadOptions?: Uint8Array | undefined;
      readonly initrd?: Uint8Array | undefined;
    };

/** An extension of RTMR 3, which firmware leaves alone. */
export interface RuntimeEvent {
  readonly name: string;
  readonly sha384: Uint8Array;
}

/** A TD and what it boots. */
export interface TdxPredictionInput {
  readonly machine: TdxMachine;
  readonly boot: TdxBoot;
  readonly kernel?: KernelFacts | undefined;
  /** What the running system is known to extend RTMR 3 with, in order. */
  readonly runtimeEvents?: readonly RuntimeEvent[] | undefined;
}
