import { BuilderError } from '../error.ts';

/** What the store keeps: fetched files, unpacked packages, root file systems, outputs of build steps. */
export type TreeKind = 'unpacked' | 'root' | 'output';

/** One thing in the store, as `altee cache` lists it. */
export interface StoreEntry {
  /** `partial` is a download that was broken off and can be resumed. */
  readonly kind: 'file' | 'partial' | TreeKind;
  /** SHA-256 in hex for files, the key for trees. */
  readonly key: string;
  readonly path: string;
  /** Bytes that this entry alone takes; a root shares most of its files with the unpacked packages. */
  readonly size: number;
  readonly created: Date;
  readonly used: Date;
  /** A living process uses it: it can't be pruned. */
  readonly inUse: boolean;
  /** It was made on another machine: see `Store.isImported`. */
  readonly imported?: boolean;
}

/** The kinds of trees; each has a folder of its own. */
export const treeKinds: readonly TreeKind[] = ['unpacked', 'root', 'output'];

/** Throws `invalid-input` unless `key` can be the name of a file. */
export function checkKey(key: string): string {
  // ".json" is the ending of the records beside the trees.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(key) || key.endsWith('.json')) {
    throw new BuilderError('invalid-input', `Store key ${JSON.stringify(key)} is no plain name`);
  }
  return key;
}

/** The 64 hex digits of `sha256:<hex>` or `<hex>`; throws `invalid-input` for anything else. */
export function hexOf(sha256: string): string {
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(sha256)?.[1];
  if (hex === undefined) {
    throw new BuilderError('invalid-input', `${JSON.stringify(sha256)} is no SHA-256 digest`, {
      hint: 'Write it as sha256: and 64 lower-case hex digits',
    });
  }
  return hex;
}
