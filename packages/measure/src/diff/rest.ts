import type { Part, Parts } from './parts.ts';

/** The bytes that neither a part nor a field covers, one run after the other; none are lost. */
export function restOf(bytes: Uint8Array, { told = [], parts }: Parts): Uint8Array[] {
  const covered = [...told, ...parts.flatMap(rangesOf)].toSorted(([a], [b]) => a - b);
  const runs: Uint8Array[] = [];
  let at = 0;
  for (const [offset, length] of covered) {
    if (offset > at) runs.push(bytes.subarray(at, offset));
    at = Math.max(at, offset + length);
  }
  if (at < bytes.length) runs.push(bytes.subarray(at));
  return runs;
}

function rangesOf({ told = [], bytes, offset }: Part): (readonly [number, number])[] {
  return bytes && offset !== undefined ? [...told, [offset, bytes.length]] : [...told];
}
