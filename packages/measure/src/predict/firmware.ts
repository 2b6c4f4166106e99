import type { FirmwareFacts } from './machine.ts';

/** What is known of one firmware build. */
export interface KnownFirmware {
  readonly name: string;
  /**
   * Whether the build knows Secure Boot. One without it ignores enrolled keys, but measures them, and has no variable
   * SecureBoot.
   */
  readonly secureBoot: boolean;
}

/** Firmware builds by the SHA-256 of their code file. Each row was compared with boots. */
const builds: Readonly<Record<string, KnownFirmware>> = {
  b157d97b1f69729514feb7f201d2cbe4957f23ab77920e361fe9f822ba49ca4c: {
    name: 'Debian OVMF 2022.11 (OVMF_CODE_4M.fd)',
    secureBoot: true,
  },
  '624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0': {
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.fd)',
    secureBoot: false,
  },
  d50189a486d22af418198226a3a5bcb6ddac775590f6a808bd629474ee034d62: {
    name: 'Debian OVMF 2022.11 (OVMF_CODE_4M.secboot.fd)',
    secureBoot: true,
  },
  '1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1': {
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.secboot.fd)',
    secureBoot: true,
  },
  b3cdbd705066cdf2bb0c0b40b77c341dc2a19e0db56c9af0a54fa1737ff3ee5b: {
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.secboot.fd)',
    secureBoot: true,
  },
  '9ee9f2382e0c6aa95c87fed4131f9c1080a084d8ef7bff3d8b89147bf2a34b1b': {
    name: 'Debian OVMF 2025.02 (OVMF_CODE_4M.secboot.strictnx.fd)',
    secureBoot: true,
  },
  '6038b93ae5f86a57cae845e85b2c0382a778406a6e1547b09be1488feca58413': {
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.secboot.strictnx.fd)',
    secureBoot: true,
  },
  '7e34e3b83224968bb0714c0ebc88f75c5c37b4cc892c902e511ccc7a7c107f94': {
    name: 'Debian OVMF 2026.08 (OVMF_CODE_4M.fd)',
    secureBoot: false,
  },
};

/** Variable stores, by SHA-256, in which no Secure Boot key is enrolled. */
const emptyVariableStores: ReadonlySet<string> = new Set([
  // Debian OVMF_VARS_4M.fd, the same in 2022.11, 2025.02 and 2026.08.
  '5d2ac383371b408398accee7ec27c8c09ea5b74a0de0ceea6513388b15be5d1e',
]);

/** The build, when its digest is known. */
export function findFirmware(facts: FirmwareFacts | undefined): KnownFirmware | undefined {
  return facts?.codeSha256 === undefined ? undefined : builds[facts.codeSha256];
}

/** Whether the machine starts with a variable store that is known to hold no keys. */
export function hasNoKeys(facts: FirmwareFacts | undefined): boolean {
  return facts?.varsSha256 !== undefined && emptyVariableStores.has(facts.varsSha256);
}
