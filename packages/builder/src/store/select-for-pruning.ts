import type { StoreEntry } from './entry.ts';

/** What to prune; with several given, an entry goes if any of them tells so. */
export interface PruneOptions {
  /** Remove what was not used for this long, in milliseconds; 0 removes everything that is not in use. */
  readonly unusedForMs?: number;
  /** Remove the least recently used until the store takes at most so many bytes. */
  readonly maxBytes?: number;
}

/** The entries to remove, least recently used first; never one in use. */
export function selectForPruning(
  entries: readonly StoreEntry[],
  options: PruneOptions,
  now: Date,
): readonly StoreEntry[] {
  const { unusedForMs = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = options;
  let total = entries.reduce((sum, { size }) => sum + size, 0);
  return entries
    .filter(({ inUse }) => !inUse)
    .toSorted((a, b) => a.used.getTime() - b.used.getTime())
    .filter(({ used, size }) => {
      const remove = now.getTime() - used.getTime() >= unusedForMs || total > maxBytes;
      if (remove) total -= size;
      return remove;
    });
}
