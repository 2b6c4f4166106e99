import { equalBytes } from '../bytes/compare.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** What the VMM does with a range of memory before the start (edk2 OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm). */
const sectionKinds = {
  1: 'SNP_SEC_MEM',
  2: 'SNP_SECRETS',
  3: 'CPUID',
  4: 'SVSM_CAA',
  16: 'SNP_KERNEL_HASHES',
} as const;
export type SectionKind = (typeof sectionKinds)[keyof typeof sectionKinds];

/** One range of OVMF's SEV metadata. */
export interface SevSection {
  readonly kind: SectionKind;
  /** Guest physical address. */
  readonly gpa: number;
  /** Bytes; whole pages. */
  readonly size: number;
}

/** Entries of the GUIDed table (edk2 OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm). */
const sevGuids = {
  metadata: 'dc886566-984a-4798-a75e-5585a7bf67cc',
  resetBlock: '00f771de-1a7e-4fcb-890e-68c77e2fb44e',
  hashTable: '7255371f-3a3b-4b04-927b-1da6efa8d454',
} as const;

export const pageSize = 4096;
/** More than this in one range is no firmware: OVMF's whole early memory is below 16 MiB. */
const largestSection = 64 * 2 ** 20;
const signature = ascii('ASEV');

/**
 * OVMF's list of memory ranges that an SEV-SNP guest starts with, in file order: the table's entry gives the list's
 * distance from the end of the file. Throws `not-found` when the firmware has none, which no SNP guest can start with,
 * and `unsupported` for a kind of range that is not known: its measurement isn't either.
 */
export function readSevMetadata(firmware: Uint8Array, table: ReadonlyMap<string, Uint8Array>): SevSection[] {
  const entry = table.get(sevGuids.metadata);
  if (!entry)
    throw new MeasureError('not-found', 'The firmware has no SEV metadata: it was not built for SEV-SNP');
  const distance = new Reader(entry, 'OVMF SEV metadata entry').u32('offsetFromEnd');
  if (distance > firmware.length) {
    throw new MeasureError(
      'malformed',
      `OVMF SEV metadata entry.offsetFromEnd: ${distance} is before the file`,
    );
  }
  const start = firmware.length - distance;
  const reader = new Reader(firmware.subarray(start), 'OVMF SEV metadata', start);
  if (!equalBytes(reader.bytes(4, 'signature'), signature)) {
    throw reader.error('malformed', 'signature', 'not "ASEV"', start);
  }
  const length = reader.u32('length');
  const version = reader.u32('version');
  if (version !== 1) throw reader.error('unsupported', 'version', `${version} is not known`, start + 8);
  const count = reader.u32('count');
  if (count > reader.remaining / 12 || length < 16 + count * 12) {
    throw reader.error('malformed', 'count', `${count} sections do not fit`, start + 12);
  }
  const sections = Array.from({ length: count }, () => readSection(reader));
  refuseOverlap(sections);
  return sections;
}

function readSection(reader: Reader): SevSection {
  const at = reader.offset;
  const gpa = reader.u32('gpa');
  const size = reader.u32('size');
  const type = reader.u32('type');
  if (gpa % pageSize !== 0 || size % pageSize !== 0 || size === 0 || size > largestSection) {
    throw reader.error(
      'malformed',
      'size',
      `${size} bytes at 0x${gpa.toString(16)} are no range of pages`,
      at,
    );
  }
  const kind = Object.hasOwn(sectionKinds, type)
    ? sectionKinds[type as keyof typeof sectionKinds]
    : undefined;
  if (!kind) throw reader.error('unsupported', 'type', `${type} is not known`, at + 8);
  if ((kind === 'SNP_SECRETS' || kind === 'CPUID' || kind === 'SNP_KERNEL_HASHES') && size !== pageSize) {
    throw reader.error('malformed', 'size', `${kind} is one page, not ${size} bytes`, at + 4);
  }
  return { kind, gpa, size };
}

/** The processor refuses a page that is there already, so that such firmware can't be started. */
function refuseOverlap(sections: readonly SevSection[]): void {
  const sorted = sections.toSorted((a, b) => a.gpa - b.gpa);
  for (const [index, section] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next && next.gpa < section.gpa + section.size) {
      throw new MeasureError(
        'malformed',
        `OVMF SEV metadata: ${section.kind} and ${next.kind} overlap at 0x${next.gpa.toString(16)}`,
      );
    }
  }
}

/** Address at which all processors but the first start (SEV-ES reset block): low half IP, high half CS base. */
export function readResetAddress(table: ReadonlyMap<string, Uint8Array>): number | undefined {
  const entry = table.get(sevGuids.resetBlock);
  return entry && new Reader(entry, 'OVMF SEV-ES reset block').u32('address');
}

/** Where firmware looks for the table of kernel hashes; `undefined` when it was built without (address and size 0). */
export function readHashTableArea(
  table: ReadonlyMap<string, Uint8Array>,
): { readonly gpa: number; readonly size: number } | undefined {
  const entry = table.get(sevGuids.hashTable);
  if (!entry) return undefined;
  const reader = new Reader(entry, 'OVMF SEV hash table entry');
  const area = { gpa: reader.u32('base'), size: reader.u32('size') };
  return area.gpa === 0 || area.size === 0 ? undefined : area;
}
