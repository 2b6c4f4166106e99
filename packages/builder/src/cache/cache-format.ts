import type { CacheEntry } from './cache-entry.ts';

/** A file of a cache that holds one entry's tar. */
export interface CacheBlob {
  readonly entry: Pick<CacheEntry, 'kind' | 'key' | 'digest'>;
  /** Of the tar: `sha256:` and 64 hex digits. */
  readonly tarSha256: string;
  readonly path: string;
  /** Of the file as it lies there. */
  readonly sha256: string;
  readonly size: number;
  /** A registry's tools may have compressed it. */
  readonly gzip: boolean;
}

/** A cache whose index was read; its blobs are not verified yet. */
export interface CacheReader {
  readonly blobs: readonly CacheBlob[];
}
