import type { TdvfSection, TdvfSectionType } from '../../src/tdx/tdvf.ts';

function section(type: TdvfSectionType, gpa: number, memorySize: number): TdvfSection {
  const file = type === 'BFV' || type === 'CFV';
  return {
    type,
    gpa,
    memorySize,
    dataOffset: type === 'BFV' ? 0xffff_ffff - gpa : 0,
    rawSize: file ? memorySize : 0,
    extended: type === 'BFV',
    augmented: false,
  };
}

const low = [
  section('TempMem', 0x810000, 0x10000),
  section('TempMem', 0x80b000, 0x2000),
  section('TD_HOB', 0x809000, 0x2000),
  section('TempMem', 0x800000, 0x6000),
];

/** IntelTdxX64 of every release, OvmfPkgX64 before 202405: a file of 4 MiB. */
export const classicSections = [
  section('BFV', 0xffc84000, 0x37c000),
  section('CFV', 0xffc00000, 0x84000),
  ...low,
];

/** Google's firmware: a file of 2 MiB. */
export const gcpSections = [
  section('BFV', 0xffe20000, 0x1e0000),
  section('CFV', 0xffe00000, 0x20000),
  ...low,
];

/** OvmfPkgX64 from 202405 to 202508. */
export const shiftedSections = classicSections.map((each) =>
  each.gpa === 0x810000 ? section('TempMem', 0x811000, 0xf000) : each,
);
