import { fromHex, toHex } from '../bytes/hex.ts';
import type { TdvfSection, TdvfSectionType } from './tdvf.ts';

/** One build of Google's firmware for TDs. */
export interface GcpFirmware {
  readonly name: string;
  /** SHA-384 of its volume of variables. */
  readonly configuration: Uint8Array;
}

/**
 * Google's builds by MRTD, with the digest of the volume that RTMR 0 covers. From quotes with their logs
 * (google/go-tdx-guest) and from firmware that Google publishes (flashbots/attested-tls, test data).
 */
const builds: Readonly<Record<string, { readonly name: string; readonly configuration: string }>> = {
  dae67181d3d65e073ad8f95b7907d5e927bfe9761c9ff3e9b89734a45d8954dba41394c7717cb2735396c1d04231f94a: {
    name: 'Google’s firmware of 2024',
    configuration:
      '58bed422cb788e1fd149cb09db600426e1561bb52461e34298cf262cf9cb3d338861f9996f82d436800f01b740be18df',
  },
  '8370d8f6d02f2d13e211e91c93fde923049522b241425a29a7bf0071ef49b250af4ef49d852fa3e10065d1b51dfce8fb': {
    name: 'Google’s firmware of March 2026',
    configuration:
      '16a03d3d47d197945e85080880f6af2d87355f3d1eae2e27295d286e2ce7da3df4128d5d20a31d4c2cb3b20e91aecbca',
  },
  feb7486608382c1ff0e15b4648ddc0acea6ca974eb53e3529f4c4bd5ffbaa20bf335cb75965cea65fe473aed9647c162: {
    name: 'Google’s firmware of April 2026',
    configuration:
      '9cb6bf09aea7b4acb8549e328d0edd6f15defc0b00d744bb9fb5bab0962bc5c70f69d233e96dbc7c1105ba085781dc88',
  },
  '9bf86e6280ec4282b8b5822d8166410a456cdb720109aa799f0011fa63df1de3ee5e35e293fc410c061433163acb03a6': {
    name: 'Google’s firmware of summer 2026',
    configuration:
      'd10d31022a1ef32ee501f31745257f84e7c753a8b79a3fdb82ffda9dc57684a1cfefba3edcdabc8b4ea791c17dd8a02b',
  },
};

/** The build with that MRTD, where it is known. */
export function gcpFirmware(mrtd: Uint8Array): GcpFirmware | undefined {
  const build = builds[toHex(mrtd)];
  return build && { name: build.name, configuration: fromHex(build.configuration) };
}

/** The sections of Google's firmware, the same in every log so far: 2 MiB below 4 GiB. */
export const gcpSections: readonly TdvfSection[] = [
  section('BFV', 0xffe20000, 0x1e0000),
  section('CFV', 0xffe00000, 0x20000),
  section('TempMem', 0x810000, 0x10000),
  section('TempMem', 0x80b000, 0x2000),
  section('TD_HOB', 0x809000, 0x2000),
  section('TempMem', 0x800000, 0x6000),
];

function section(type: TdvfSectionType, gpa: number, memorySize: number): TdvfSection {
  const inFile = type === 'BFV' || type === 'CFV';
  return {
    type,
    gpa,
    memorySize,
    dataOffset: inFile ? gpa - 0xffe00000 : 0,
    rawSize: inFile ? memorySize : 0,
    extended: type === 'BFV',
    augmented: false,
  };
}
