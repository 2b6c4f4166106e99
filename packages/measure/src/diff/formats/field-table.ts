import { Reader } from '../../bytes/reader.ts';
import type { Field } from '../parts.ts';

/** Rows of a little-endian structure, in order: name, and size in bytes. */
export type FieldTable = readonly (readonly [name: string, size: number])[];

/** Bytes that the rows take. */
export function tableBytes(table: FieldTable): number {
  return table.reduce((sum, [, size]) => sum + size, 0);
}

/** The values of the rows, in hex; rows of sizes that are no number are shown byte by byte. Throws `truncated`. */
export function readFieldTable(
  bytes: Uint8Array,
  offset: number,
  structure: string,
  table: FieldTable,
): Field[] {
  const reader = new Reader(bytes.subarray(Math.min(offset, bytes.length)), structure, offset);
  return table.map(([name, size]) => ({ name, value: littleEndian(reader.bytes(size, name)) }));
}

function littleEndian(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = value * 256n + BigInt(byte);
  return `0x${value.toString(16)}`;
}
