import { MeasureError } from '../error.ts';

/** A section that the stub wraps into a cpio archive behind the initrd, and the file's name in there. */
export interface EmbeddedFile {
  readonly section: string;
  readonly file: string;
}

/** Files of one kind beside the image, which the stub wraps into one cpio archive behind the initrd. */
export interface Sidecar {
  /** As the event log calls the archive. */
  readonly name: string;
  /** `own`: the folder that is named after the image, with `.extra.d` behind it. */
  readonly folder: 'own' | '\\loader\\credentials' | '\\loader\\extensions';
  /** What the files' names end with, and must not end with, in either case. */
  readonly suffix: string;
  readonly exceptSuffix?: string;
  /** Where the archive puts them, with the modes of that folder and of the files. */
  readonly target: string;
  readonly folderMode: number;
  readonly fileMode: number;
  /** What the archive is measured to. */
  readonly pcr: 12 | 13;
}

/** What one range of systemd-stub versions does. */
export interface StubRules {
  /** First and last version for which this row is known. */
  readonly from: number;
  readonly to: number;
  /** Those of them that were compared with real boots; for the others the row was read in source. */
  readonly booted: readonly number[];
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
  /**
   * How a command line is cleaned: control characters up to U+001F become blanks, and those at the end go; or U+007F
   * counts too, and blanks go at both ends.
   */
  readonly cleaning: 'end' | 'both-ends';
  /** Whether `io.systemd.stub.kernel-cmdline-extra` in SMBIOS type 11 is taken, and whether it is cleaned. */
  readonly smbiosCommandLine: 'ignored' | 'as-it-is' | 'cleaned';
  /** Which consoles are appended to a command line that names none. */
  readonly consoles: 'none' | 'best' | 'all';
  /** Whether a secret goes into the initrd where the EFI system partition has a random seed. */
  readonly bootSecret: boolean;
  /**
   * Whether `*.addon.efi` files are loaded. Their command lines are measured folder by folder, each folder's joined
   * and then cleaned; or cleaned one by one, joined and measured together.
   */
  readonly addons: 'ignored' | 'by-folder' | 'together';
  /** Whether addons may bring `.initrd` and `.ucode`. */
  readonly addonInitrds: boolean;
  /** In the order in which they are measured and put behind the initrd. */
  readonly sidecars: readonly Sidecar[];
}

const credentials = {
  suffix: '.cred',
  folderMode: 0o500,
  fileMode: 0o400,
  pcr: 12,
} as const;
const extension = { folderMode: 0o555, fileMode: 0o444 } as const;
const configuration = { ...extension, suffix: '.confext.raw', pcr: 12 } as const;
const system = { ...extension, suffix: '.raw', pcr: 13 } as const;

const ownCredentials: Sidecar = {
  ...credentials,
  name: 'Credentials initrd',
  folder: 'own',
  target: '.extra/credentials',
};
const globalCredentials: Sidecar = {
  ...credentials,
  name: 'Global credentials initrd',
  folder: '\\loader\\credentials',
  target: '.extra/global_credentials',
};
const systemExtensions: Sidecar = {
  ...system,
  name: 'System extension initrd',
  folder: 'own',
  target: '.extra/sysext',
};
const configurationExtensions: Sidecar = {
  ...configuration,
  name: 'Configuration extension initrd',
  folder: 'own',
  target: '.extra/confext',
};
const globalSystemExtensions: Sidecar = {
  ...system,
  name: 'Global system extension initrd',
  folder: '\\loader\\extensions',
  exceptSuffix: '.confext.raw',
  target: '.extra/global_sysext',
};
const globalConfigurationExtensions: Sidecar = {
  ...configuration,
  name: 'Global configuration extension initrd',
  folder: '\\loader\\extensions',
  target: '.extra/global_confext',
};

const sidecars252 = [ownCredentials, globalCredentials, systemExtensions];
const sidecars255 = [
  ownCredentials,
  globalCredentials,
  { ...systemExtensions, exceptSuffix: '.confext.raw' },
  configurationExtensions,
];
const sidecars258 = [
  ownCredentials,
  globalCredentials,
  { ...systemExtensions, exceptSuffix: '.confext.raw' },
  globalSystemExtensions,
  configurationExtensions,
  globalConfigurationExtensions,
];

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
 * src/boot/linux.c, src/boot/pe.c, src/boot/cpio.c, src/boot/util.c; consoles: pull requests 41387, 42943 and 42945.
 */
const rows: readonly StubRules[] = [
  {
    from: 252,
    to: 253,
    booted: [252],
    measured: sections252,
    lookup: 'last-by-prefix',
    microcode: false,
    embedded: embedded252,
    loadsKernelImage: true,
    cleaning: 'end',
    smbiosCommandLine: 'ignored',
    consoles: 'none',
    bootSecret: false,
    addons: 'ignored',
    addonInitrds: false,
    sidecars: sidecars252,
  },
  {
    from: 254,
    to: 254,
    booted: [254],
    measured: sections254,
    lookup: 'last-by-prefix',
    microcode: false,
    embedded: embedded252,
    loadsKernelImage: true,
    cleaning: 'end',
    smbiosCommandLine: 'as-it-is',
    consoles: 'none',
    bootSecret: false,
    addons: 'by-folder',
    addonInitrds: false,
    sidecars: sidecars252,
  },
  {
    from: 255,
    to: 255,
    booted: [],
    measured: sections254,
    lookup: 'last-by-prefix',
    microcode: false,
    embedded: embedded252,
    loadsKernelImage: true,
    cleaning: 'both-ends',
    smbiosCommandLine: 'cleaned',
    consoles: 'none',
    bootSecret: false,
    addons: 'together',
    addonInitrds: false,
    sidecars: sidecars255,
  },
  {
    from: 256,
    to: 256,
    booted: [],
    measured: sections256,
    lookup: 'last-by-prefix',
    microcode: true,
    embedded: embedded252,
    loadsKernelImage: true,
    cleaning: 'both-ends',
    smbiosCommandLine: 'cleaned',
    consoles: 'none',
    bootSecret: false,
    addons: 'together',
    addonInitrds: true,
    sidecars: sidecars255,
  },
  {
    from: 257,
    to: 257,
    booted: [257],
    measured: sections257,
    lookup: 'first-by-name',
    microcode: true,
    embedded: embedded257,
    loadsKernelImage: true,
    cleaning: 'both-ends',
    smbiosCommandLine: 'cleaned',
    consoles: 'none',
    bootSecret: false,
    addons: 'together',
    addonInitrds: true,
    sidecars: sidecars255,
  },
  {
    from: 258,
    to: 260,
    booted: [],
    measured: sections258,
    lookup: 'first-by-name',
    microcode: true,
    embedded: embedded257,
    loadsKernelImage: false,
    cleaning: 'both-ends',
    smbiosCommandLine: 'cleaned',
    consoles: 'none',
    bootSecret: false,
    addons: 'together',
    addonInitrds: true,
    sidecars: sidecars258,
  },
  {
    from: 261,
    to: 261,
    booted: [],
    measured: sections258,
    lookup: 'first-by-name',
    microcode: true,
    embedded: embedded257,
    loadsKernelImage: false,
    cleaning: 'both-ends',
    smbiosCommandLine: 'cleaned',
    consoles: 'best',
    bootSecret: true,
    addons: 'together',
    addonInitrds: true,
    sidecars: sidecars258,
  },
  {
    from: 262,
    to: 262,
    booted: [262],
    measured: sections258,
    lookup: 'first-by-name',
    microcode: true,
    embedded: embedded257,
    loadsKernelImage: false,
    cleaning: 'both-ends',
    smbiosCommandLine: 'cleaned',
    consoles: 'all',
    bootSecret: true,
    addons: 'together',
    addonInitrds: true,
    sidecars: sidecars258,
  },
];

/** A stub's row, and whether exactly this version was compared with real boots. */
export type KnownStub = StubRules & { readonly major: number; readonly compared: boolean };

/** What systemd-stub of this major version does. Throws `unsupported` for a version that has no row. */
export function stubRules(major: number): KnownStub {
  const row = rows.find(({ from, to }) => major >= from && major <= to);
  if (!row) {
    throw new MeasureError(
      'unsupported',
      `systemd-stub ${major} is not known: there are rules for ${rows[0]?.from} to ${rows.at(-1)?.to}`,
    );
  }
  return { ...row, major, compared: row.booted.includes(major) };
}
