import { utf8 } from '../bytes/utf8.ts';

/**
 * JSON with sorted keys, two spaces and a final line feed: the same value gives the same bytes. Keys that are whole
 * numbers come first, by size, as everywhere in JavaScript.
 */
export function encodeJson(value: unknown): Uint8Array {
  return utf8(`${JSON.stringify(sorted(value), null, 2)}\n`);
}

/** Text of unknown origin for a comment: on one line, whatever it held. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
