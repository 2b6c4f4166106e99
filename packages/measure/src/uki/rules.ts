import { MeasureError } from '../error.ts';

/** A section that the stub wraps into a cpio archive behind the initrd, and the file's name in there. */
export interface EmbeddedFile {
  readonly section: string;
  readonly file: string;
}

/** What one range of systemd-stub versions does. */
export interface StubRules {
  /** First and last version for which this row is known. */
  readonly from: number;
  readonly to: number;
  /** Sections that PCR 11 covers, in the order in which they are measured. */
  readonly measured: readonly string[];
  /**
   * Which section a name means: the last one whose name begins with it, or the first that has it, a profile's
   * own before the base's.
   */
  readonly lookup: 'last-by-prefix' | 'first-by-name';
  /** Whether `.ucode` goes before `.initrd`. */
  readonly microcode: boolean;
  /** What follows `.initrd`, in order. */
  readonly embedded: readonly EmbeddedFile[];
  /** Whether, with Secure Boot off, the kernel goes through LoadImage(), so that firmware measures it to PCR 4. */
  readonly loadsKernelImage: boolean;
  /** Whether `io.systemd.stub.kernel-cmdline-extra` in SMBIOS type 11 is taken. */
  readonly smbiosCommandLine: boolean;
}

const sections252 = ['.linux', '.osrel', '.cmdline', '.initrd', '.splash', '.dtb', '.pcrpkey'];
const sections254 = [
  '.linux',
  '.osrel',
  '.cmdline',
  '.initrd',
  '.splash',
  '.dtb',
  '.uname',
  '.sbat',
  '.pcrpkey',
];
const sections256 = [
  '.linux',
  '.osrel',
  '.cmdline',
  '.initrd',
  '.ucode',
  '.splash',
  '.dtb',
  '.uname',
  '.sbat',
  '.pcrpkey',
];
const sections257 = [...sections256, '.profile', '.dtbauto', '.hwids'];
const sections258 = [...sections257, '.efifw'];

const embedded252: readonly EmbeddedFile[] = [
  { section: '.pcrsig', file: 'tpm2-pcr-signature.json' },
  { section: '.pcrpkey', file: 'tpm2-pcr-public-key.pem' },
];
const embedded257: readonly EmbeddedFile[] = [
  ...embedded252,
  { section: '.osrel', file: 'os-release' },
  { section: '.profile', file: 'profile' },
];

/**
 * systemd-stub by version, from its source: src/fundamental/uki.h (`unified_sections`), src/boot/stub.c,
 * src/boot/linux.c, src/boot/pe.c. 252, 257 and 262 were compared with boots.
 */
const rows: readonly StubRules[] = [
  {
    from: 252,
    to: 253,
    measured: sections252,
    lookup: 'last-by-prefix',
    microcode: false,
    embedded: embedded252,
    loadsKernelImage: true,
    smbiosCommandLine: false,
  },
  {
    from: 254,
    to: 255,
    measured: sections254,
    lookup: 'last-by-prefix',
    microcode: false,
    embedded: embedded252,
    loadsKernelImage: true,
    smbiosCommandLine: true,
  },
  {
    from: 256,
    to: 256,
    measured: sections256,
    lookup: 'last-by-prefix',
    microcode: true,
    embedded: embedded252,
    loadsKernelImage: true,
    smbiosCommandLine: true,
  },
  {
    from: 257,
    to: 257,
    measured: sections257,
    lookup: 'first-by-name',
    microcode: true,
    embedded: embedded257,
    loadsKernelImage: true,
    smbiosCommandLine: true,
  },
  {
    from: 258,
    to: 262,
    measured: sections258,
    lookup: 'first-by-name',
    microcode: true,
    embedded: embedded257,
    loadsKernelImage: false,
    smbiosCommandLine: true,
  },
];

/** What systemd-stub of this major version does. Throws `unsupported` for a version that has no row. */
export function stubRules(major: number): StubRules {
  const row = rows.find(({ from, to }) => major >= from && major <= to);
  if (!row) {
    throw new MeasureError(
      'unsupported',
      `systemd-stub ${major} is not known: there are rules for ${rows[0]?.from} to ${rows.at(-1)?.to}`,
    );
  }
  return row;
}
