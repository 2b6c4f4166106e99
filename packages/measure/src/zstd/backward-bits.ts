import { MeasureError } from '../error.ts';

/** Room before and behind the bytes of a block, so that a read of four bytes never leaves the array. */
export const PADDING = 32;

/** Error about the inside of a block: where exactly says nothing to anybody. */
export function malformed(what: string): MeasureError {
  return new MeasureError('malformed', `zstd block: ${what}`);
}

/**
 * The position behind the last bit of a stream that is read backwards: below the highest set bit of its last byte
 * (RFC 8878, 4.1). Counted in bits from the beginning of `view`.
 */
export function lastBit(view: DataView, start: number, end: number): number {
  const last = end > start ? view.getUint8(end - 1) : 0;
  if (last === 0) throw malformed('a bit stream without its end mark');
  return 8 * (end - 1) + 31 - Math.clz32(last);
}

/** `count` bits (at most 25) whose lowest stands at `position`. */
export function bitsAt(view: DataView, position: number, count: number): number {
  return (view.getInt32(position >>> 3, true) >>> (position & 7)) & ((1 << count) - 1);
}
