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
  const shown = hits.filter((hit) => !isSkipped(hit));
  const secrets = shown.filter(({ isSecret }) => isSecret === true);
  return [...shown.map((hit) => leakOf(blob, bytes, hit, secrets, facts)), ...stampLeaks(blob, facts)];
}

function leakOf(blob: Blob, bytes: Buffer, hit: Hit, secrets: readonly Hit[], facts: LeakFacts): Leak {
  const range = placeOf(blob, hit.offset);
  const { what, which, offset, length } = hit;
  const text = what === 'date' ? { text: bytes.toString('latin1', offset, offset + length) } : {};
  const context = contextOf(bytes, hit, range, secrets, facts);
  return { what, which, place: range.path, offset: offset - range.start, context, ...text };
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
const SHOWN_STARS = 12;
/** Longer than the values of variables. */
const SECRET_REACH = 8192;

/** The text around in the same part, with what cannot be printed as dots, and secrets as stars. */
function contextOf(
  bytes: Buffer,
  { offset, length, isSecret }: Hit,
  { start, end }: { readonly start: number; readonly end: number },
  secrets: readonly Hit[],
  facts: LeakFacts,
): string {
  if (isSecret) return '*'.repeat(Math.min(length, SHOWN_STARS));
  const from = Math.max(start, offset - AROUND);
  const to = Math.min(end, bytes.length, offset + Math.min(length, MAX_SHOWN) + AROUND);
  const shown = Buffer.from(bytes.subarray(from, to));
  // Of a secret that stands often, not every place was told.
  const windowStart = Math.max(0, from - SECRET_REACH);
  const near = searchNames(bytes.subarray(windowStart, to + SECRET_REACH), facts, SECRET_REACH)
    .filter((hit) => hit.isSecret === true)
    .map((hit) => ({ ...hit, offset: windowStart + hit.offset }));
  for (const secret of [...secrets, ...near]) {
    const [first, last] = [Math.max(secret.offset, from), Math.min(secret.offset + secret.length, to)];
    if (first < last) shown.fill('*', first - from, last - from);
  }
  return shown.toString('latin1').replace(/[^ -~]/g, '.');
}
