import type { Lock } from './lock.ts';

/** A lock as text: JSON with sorted keys, two spaces, a newline at its end. The same lock gives the same bytes. */
export function encodeLock(lock: Lock): string {
  return `${JSON.stringify(sorted(lock), undefined, 2)}\n`;
}

/** With the keys of every object in the order of their UTF-16 units; lists keep theirs. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.sort(byKey).map(([key, member]) => [key, sorted(member)]));
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
