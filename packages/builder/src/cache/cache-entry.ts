import { sha256Digest } from '@altee/manifest';
import { z } from 'zod';
import { BuilderError } from '../error.ts';

/** What a cache carries: outputs of build steps, and root file systems. */
export const carriedKinds = ['output', 'root'] as const;
export type CarriedKind = (typeof carriedKinds)[number];

/** Keys of steps and roots: a SHA-256 in hex. Other trees of the store are notes of this machine, and stay here. */
export const carriedKey = z.string().regex(/^[0-9a-f]{64}$/);

/** One tree of a store, as a cache carries it. */
export const cacheEntry = z.strictObject({
  kind: z.enum(carriedKinds),
  key: carriedKey,
  /** Digest of the tree's content, as the store names it. */
  digest: sha256Digest,
  /** The tree as an uncompressed tar. */
  tar: z.strictObject({ sha256: sha256Digest, size: z.int().positive() }),
});

export type CacheEntry = z.infer<typeof cacheEntry>;

/** Bounds of what one entry unpacks to, and of what is read before anything is verified. */
export const MOST_ENTRY_BYTES = 8 * 2 ** 30;
export const MOST_ENTRY_FILES = 400_000;
export const MOST_ENTRIES = 10_000;
export const MOST_JSON_BYTES = 16 * 2 ** 20;

/** `output-<key>`: the name of an entry in messages, file names and tags. */
export function entryName({ kind, key }: Pick<CacheEntry, 'kind' | 'key'>): string {
  return `${kind}-${key}`;
}

/** A cache that is not what it should be: exit code 2. */
export function invalidCache(
  path: string,
  reason: string,
  options: { details?: readonly string[]; hint?: string; cause?: unknown } = {},
): BuilderError {
  return new BuilderError('bundle-invalid', `Refused the cache "${path}": ${reason}`, {
    hint: options.hint ?? 'Do not use it; export it again where it was made',
    ...(options.details ? { details: options.details } : {}),
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}
