import type { Hasher } from '../hash.ts';
import { solveTdHobRam } from '../tdx/solve.ts';
import type { TdHobVmm } from '../tdx/td-hob.ts';
import type { TdvfSection, TdvfSectionType } from '../tdx/tdvf.ts';

/** A machine's RAM, found by its TD HOB. */
export interface SolvedRam {
  readonly memoryBytes: number;
  /** Whose form of the list it is. */
  readonly vmm: TdHobVmm;
}

/** Where firmware's stack begins in the sections that the list names: the rest is the same in all of them. */
const stacks: readonly { readonly gpa: number; readonly memorySize: number }[] = [
  // edk2 OvmfPkg: IntelTdxX64.fdf, and OvmfPkgX64.fdf before 202405
  { gpa: 0x810000, memorySize: 0x10000 },
  // OvmfPkgX64.fdf from 202405 to 202508, from 202511 on
  { gpa: 0x811000, memorySize: 0xf000 },
  { gpa: 0x814000, memorySize: 0xc000 },
];

/** Volumes of Google's firmware, which its list names, too (from its event logs). */
const googleVolumes = [section('BFV', 0xffe20000, 0x1e0000), section('CFV', 0xffe00000, 0x20000)];

/**
 * The size of RAM that a TD HOB's SHA-384 digest tells, tried with the sections of all firmware that is known, as QEMU
 * and Google list them. `undefined` for other firmware and for sizes that no machine has.
 */
export function solveRam(digest: Uint8Array, hasher: Hasher): SolvedRam | undefined {
  for (const stack of stacks) {
    const found = solveTdHobRam(digest, sectionsWith(stack), 'qemu', hasher);
    if (found) return { ...found, vmm: 'qemu' };
  }
  const [classic] = stacks;
  const found = classic && solveTdHobRam(digest, [...googleVolumes, ...sectionsWith(classic)], 'gcp', hasher);
  return found && { ...found, vmm: 'gcp' };
}

function sectionsWith(stack: (typeof stacks)[number]): TdvfSection[] {
  return [
    section('TempMem', stack.gpa, stack.memorySize),
    section('TempMem', 0x80b000, 0x2000),
    section('TD_HOB', 0x809000, 0x2000),
    section('TempMem', 0x800000, 0x6000),
  ];
}

function section(type: TdvfSectionType, gpa: number, memorySize: number): TdvfSection {
  return { type, gpa, memorySize, dataOffset: 0, rawSize: 0, extended: type === 'BFV', augmented: false };
}
