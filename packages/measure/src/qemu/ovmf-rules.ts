import type { MmioWindowRules } from './mmio-window.ts';

/** An application in firmware's own volume that it always makes a boot option of. */
export interface BuiltInOption {
  readonly description: string;
  /** Load option attributes (UEFI 2.11, 3.1.3). */
  readonly attributes: number;
  /** The file's name in the volume. */
  readonly file: string;
}

/** What one build of OVMF does with what QEMU hands to it. */
export interface OvmfRules {
  readonly name: string;
  /** Where it puts MMCONFIG (edk2 OvmfPkg: `PcdPciExpressBaseAddress`). */
  readonly mmconfigBase: number;
  readonly window: MmioWindowRules;
  /** Whether it negotiates SMI features with QEMU, which is what builds with SMM do. */
  readonly smm: boolean;
  /** Whether the files of QEMU's ACPI loader are measured (edk2 OvmfPkg/AcpiPlatformDxe). */
  readonly measuresAcpi: boolean;
  /** Where the SMBIOS tables are measured, and with which type 0; absent: they aren't. */
  readonly smbios?: {
    readonly place: 'before-boot-variables' | 'after-separators';
    readonly vendor: string;
    readonly version: string;
    readonly releaseDate: string;
  };
  /** In the order in which they are numbered, before all devices. */
  readonly builtIn: readonly BuiltInOption[];
  /** Numbered behind all devices; absent from builds without a shell. */
  readonly shell?: BuiltInOption;
}

const LOAD_OPTION_ACTIVE = 0x001;
const LOAD_OPTION_CATEGORY_APP = 0x100;
const LOAD_OPTION_HIDDEN = 0x008;

const uiApp = '462caa21-7614-4503-836e-8ab6f4662331';
const bootManagerMenu = 'eec25bdc-67f2-4d95-b1d5-f81b2039d11d';
const shellFile = '7c04a583-9e3e-4f1c-ad65-e05268d0b4d1';

const builtIn2022: readonly BuiltInOption[] = [
  {
    description: 'UiApp',
    attributes: LOAD_OPTION_ACTIVE | LOAD_OPTION_HIDDEN | LOAD_OPTION_CATEGORY_APP,
    file: uiApp,
  },
];
const builtIn2026: readonly BuiltInOption[] = [
  {
    description: 'BootManagerMenuApp',
    attributes: LOAD_OPTION_ACTIVE | LOAD_OPTION_HIDDEN | LOAD_OPTION_CATEGORY_APP,
    file: bootManagerMenu,
  },
  {
    description: 'EFI Firmware Setup',
    attributes: LOAD_OPTION_ACTIVE | LOAD_OPTION_CATEGORY_APP,
    file: uiApp,
  },
];
const shell2022: BuiltInOption = {
  description: 'EFI Internal Shell',
  attributes: LOAD_OPTION_ACTIVE,
  file: shellFile,
};
const shell2026: BuiltInOption = {
  ...shell2022,
  attributes: LOAD_OPTION_ACTIVE | LOAD_OPTION_CATEGORY_APP,
};

const release2022 = {
  mmconfigBase: 0xb0000000,
  window: { mostBits: 47, avoidsReserved: false, trustsGuestBits: false },
  measuresAcpi: false,
  builtIn: builtIn2022,
  shell: shell2022,
} as const;
const release2025 = {
  mmconfigBase: 0xe0000000,
  window: { mostBits: 46, avoidsReserved: true, trustsGuestBits: true },
  measuresAcpi: true,
  builtIn: builtIn2022,
} as const;
const release2026 = {
  mmconfigBase: 0xe0000000,
  window: { mostBits: 46, avoidsReserved: true, trustsGuestBits: true },
  measuresAcpi: true,
  builtIn: builtIn2026,
} as const;
const smbios2026 = {
  vendor: 'Debian distribution of EDK II',
  version: '2026.08+ds-2',
  releaseDate: '09/26/2026',
} as const;

/** Builds by the SHA-256 of their code file. Each row was compared with boots. */
const builds: Readonly<Record<string, OvmfRules>> = {
  b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c: {
    ...release2022,
    name: 'Debian OVMF 2022.11 (OVMF_CODE_4M.fd)',
    smm: false,
  },
  d50189a486d22af418198226a3a5bcb6ddac775590f6a808bd629474ee034d62: {
    ...release2022,
    name: 'Debian OVMF 2022.11 (OVMF_CODE_4M.secboot.fd)',
    smm: true,
  },
  '624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0': {
    ...release2025,
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.fd)',
    smm: false,
    shell: shell2022,
  },
  '1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1': {
    ...release2025,
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.secboot.fd)',
    smm: true,
  },
  '9ee9f2382e0c6aa95c87fed4131f9c1080a084d8ef7bff3d8b89147bf2a34b1b': {
    ...release2025,
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.secboot.strictnx.fd)',
    smm: true,
  },
  '6038b93ae5f86a57cae845e85b2c0382a778406a6e1547b09be1488feca58413': {
    ...release2026,
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.secboot.strictnx.fd)',
    smm: true,
    smbios: { ...smbios2026, place: 'after-separators' },
  },
  '7e34e3b83224968bb0714c0ebc88f75c5c37b4cc892c902e511ccc7a7c107f94': {
    ...release2026,
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.fd)',
    smm: false,
    shell: shell2026,
    smbios: { ...smbios2026, place: 'before-boot-variables' },
  },
  b3cdbd705066cdf2bb0c0b40b77c341dc2a19e0db56c9af0a54fa1737ff3ee5b: {
    ...release2026,
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.secboot.fd)',
    smm: true,
    smbios: { ...smbios2026, place: 'after-separators' },
  },
};

/** The rules for a build, by the SHA-256 of its code file in hex; `undefined` for one that is not known. */
export function ovmfRules(codeSha256: string | undefined): OvmfRules | undefined {
  return codeSha256 !== undefined && Object.hasOwn(builds, codeSha256) ? builds[codeSha256] : undefined;
}
