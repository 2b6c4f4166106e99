import { toHex } from '../bytes/hex.ts';

/** Where two contents first differ, with what stands around there. */
export interface BytesDifference {
  /** Of the first byte that differs; the shorter one's size where one content begins with the other. */
  readonly offset: number;
  /** What stands there in the part's own terms: an address, a symbol. */
  readonly place?: { readonly a?: string; readonly b?: string };
  /** Where the bytes that are shown start. */
  readonly shownFrom: number;
  readonly a: ShownBytes;
  readonly b: ShownBytes;
  /** How many bytes differ; absent where the sizes do, since what follows is moved. */
  readonly differingBytes?: number;
}

/** Some bytes in hex, and the text that the first difference stands in, where it stands in one. */
export interface ShownBytes {
  readonly hex: string;
  readonly text?: string;
}

const BEFORE = 8;
const AFTER = 16;
/** A run of printable characters shorter than this is chance. */
const MIN_TEXT = 6;
const MAX_TEXT = 60;

/** The first difference of two contents, or `undefined` where they are equal. */
export function findBytesDifference(a: Uint8Array, b: Uint8Array): BytesDifference | undefined {
  const common = Math.min(a.length, b.length);
  const offset = firstDifference(a, b, 0, common);
  if (offset === common && a.length === b.length) return undefined;
  const shownFrom = Math.max(0, offset - BEFORE);
  return {
    offset,
    shownFrom,
    a: shown(a, shownFrom, offset),
    b: shown(b, shownFrom, offset),
    ...(a.length === b.length ? { differingBytes: countDifferences(a, b, offset) } : {}),
  };
}

function shown(bytes: Uint8Array, from: number, at: number): ShownBytes {
  const text = textAround(bytes, at);
  return { hex: toHex(bytes.subarray(from, at + AFTER)), ...(text === undefined ? {} : { text }) };
}

function firstDifference(a: Uint8Array, b: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && a[at] === b[at]) at++;
  return at;
}

function countDifferences(a: Uint8Array, b: Uint8Array, from: number): number {
  let count = 0;
  for (let at = from; at < a.length; at++) if (a[at] !== b[at]) count++;
  return count;
}

/** The run of printable ASCII characters around a byte. */
function textAround(bytes: Uint8Array, at: number): string | undefined {
  let start = at;
  while (start > 0 && at - start < MAX_TEXT && isPrintable(bytes[start - 1])) start--;
  let end = at;
  while (end < bytes.length && end - at < MAX_TEXT && isPrintable(bytes[end])) end++;
  return end - start < MIN_TEXT ? undefined : String.fromCharCode(...bytes.subarray(start, end));
}

function isPrintable(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x20 && byte < 0x7f;
}
