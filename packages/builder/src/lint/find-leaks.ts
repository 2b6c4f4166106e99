import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LeakFacts } from './facts.ts';
import { type Blob, Inside, placeOf } from './inside.ts';
import type { Hit, Leak } from './leak.ts';
import { searchKeys } from './search-keys.ts';
import { searchNames } from './search-names.ts';
import { isOfTheBuild, searchTimes } from './search-times.ts';

/** What a search of results gave. */
export interface FoundLeaks {
  readonly leaks: readonly Leak[];
  /** Parts that could not be looked into, with the reason. */
  readonly opaque: readonly string[];
}

/** Searches files of a folder, all that they hold and all that is compressed in them. */
export async function findLeaks(
  folder: string,
  files: readonly string[],
  facts: LeakFacts,
): Promise<FoundLeaks> {
  const inside = new Inside();
  const leaks: Leak[] = [];
  for (const file of files) {
    const bytes = await readFile(join(folder, file));
    for (const blob of inside.of(file, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)))
      leaks.push(...leaksOf(blob, facts));
  }
  return { leaks, opaque: inside.opaque };
}

function leaksOf(blob: Blob, facts: LeakFacts): Leak[] {
  const { buffer, byteOffset, length } = blob.bytes;
  const bytes = Buffer.from(buffer, byteOffset, length);
  const hits = [...searchNames(bytes, facts), ...searchTimes(bytes, facts), ...searchKeys(bytes, facts)];
  const isSkipped = ({ offset }: Hit) => blob.skipped.some(([start, end]) => offset >= start && offset < end);
  return [
    ...hits.filter((hit) => !isSkipped(hit)).map((hit) => leakOf(blob, bytes, hit)),
    ...stampLeaks(blob, facts),
  ];
}

function leakOf(blob: Blob, bytes: Buffer, hit: Hit): Leak {
  const { path, start } = placeOf(blob, hit.offset);
  const { what, which, offset, length } = hit;
  const text = what === 'date' ? { text: bytes.toString('latin1', offset, offset + length) } : {};
  return { what, which, place: path, offset: offset - start, context: contextOf(bytes, hit), ...text };
}

/** Times that the formats themselves have a field for. */
function stampLeaks({ stamps }: Blob, facts: LeakFacts): Leak[] {
  return stamps
    .filter(({ stamp }) => isOfTheBuild(stamp.seconds, facts))
    .map(({ path, stamp: { name, seconds, offset = 0 } }) => ({
      what: 'time-stamp',
      which: name,
      place: path,
      offset,
      context: new Date(1000 * seconds).toISOString(),
    }));
}

const AROUND = 24;
const MAX_SHOWN = 100;

/** The text around, with what cannot be printed as dots, and a secret as stars. */
function contextOf(bytes: Buffer, { offset, length, isSecret }: Hit): string {
  const text = (from: number, to: number) =>
    bytes.toString('latin1', Math.max(0, from), Math.min(bytes.length, to)).replace(/[^ -~]/g, '.');
  // Beside a secret the rest of it may stand.
  if (isSecret) return '*'.repeat(Math.min(length, 12));
  return text(offset - AROUND, offset + Math.min(length, MAX_SHOWN) + AROUND);
}
