import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';

/** One structure of an SMBIOS table (SMBIOS 3.7, 6.1.2 and 6.1.3). */
export interface SmbiosStructure {
  readonly type: number;
  readonly handle: number;
  /** Length of the formatted part with its header, in bytes. */
  readonly formattedLength: number;
  /** Formatted part and strings, with the two NULs at the end. */
  readonly bytes: Uint8Array;
}

export const SMBIOS_END_OF_TABLE = 127;
const HEADER_LENGTH = 4;

/** The structures of a table up to and with the end-of-table structure. Throws `truncated` or `malformed`. */
export function parseSmbios(table: Uint8Array): SmbiosStructure[] {
  const structures: SmbiosStructure[] = [];
  for (let at = 0; at < table.length; ) {
    const structure = readStructure(table, at);
    structures.push(structure);
    if (structure.type === SMBIOS_END_OF_TABLE) break;
    at += structure.bytes.length;
  }
  return structures;
}

function readStructure(table: Uint8Array, at: number): SmbiosStructure {
  const reader = new Reader(table.subarray(at), 'SMBIOS structure', at);
  const type = reader.u8('type');
  const formattedLength = reader.u8('length');
  const handle = reader.u16('handle');
  if (formattedLength < HEADER_LENGTH) {
    throw reader.error('malformed', 'length', `${formattedLength} is shorter than the header`, at + 1);
  }
  reader.skip(formattedLength - HEADER_LENGTH, 'formatted part');
  const end = findEnd(table, at + formattedLength);
  return { type, handle, formattedLength, bytes: table.subarray(at, end) };
}

/** The offset behind the two NULs that end a set of strings. */
function findEnd(table: Uint8Array, from: number): number {
  for (let at = from; at + 1 < table.length; at++) {
    if (table[at] === 0 && table[at + 1] === 0) return at + 2;
  }
  throw new MeasureError('truncated', `SMBIOS structure.strings at 0x${from.toString(16)}: they do not end`, {
    offset: from,
  });
}

/** Where the structure's string of that number (from 1) lies in its bytes; `undefined` when there is none. */
export function findSmbiosString(
  { bytes, formattedLength }: SmbiosStructure,
  number: number,
): { readonly offset: number; readonly length: number } | undefined {
  let offset = formattedLength;
  for (let index = 1; bytes[offset] !== 0 && offset < bytes.length; index++) {
    const end = bytes.indexOf(0, offset);
    if (index === number) return { offset, length: end - offset };
    offset = end + 1;
  }
  return undefined;
}
