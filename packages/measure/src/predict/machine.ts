import type { Gpt } from '../uefi/gpt.ts';

/** Whether Secure Boot is enforced. Which keys are enrolled matters to PCR 7 only, for which there are no rules yet. */
export type SecureBootState = 'off' | 'on';

/** The machine that the image will boot on, as far as its registers depend on it. Facts left out are unknown. */
export interface Machine {
  /**
   * The disk that the image is booted from: its bytes up to the end of the partition array, or the parsed table.
   * `unpartitioned` (or bytes without a GPT) is a disk that is one file system.
   */
  readonly disk?: Uint8Array | Gpt | 'unpartitioned' | undefined;
  /** Path of the image in the EFI system partition; `\EFI\BOOT\BOOTX64.EFI` by default. Only event data shows it. */
  readonly imagePath?: string | undefined;
  readonly secureBoot: SecureBootState;
  readonly firmware?: FirmwareFacts | undefined;
  /** True when a device may bring an option ROM that firmware runs. */
  readonly optionRoms?: boolean | undefined;
  /** Value of the SMBIOS type 11 string `io.systemd.stub.kernel-cmdline-extra=`. */
  readonly smbiosCommandLine?: string | undefined;
}

/** The firmware, by the digests of its files. */
export interface FirmwareFacts {
  /** SHA-256 of the code file, in hex. */
  readonly codeSha256?: string | undefined;
  /** SHA-256 of the variable store that the machine is first started with, in hex. */
  readonly varsSha256?: string | undefined;
}

/** What is known of the kernel's build and can't be read out of the image. */
export interface KernelFacts {
  /** `CONFIG_IMA`. */
  readonly ima?: boolean | undefined;
}
