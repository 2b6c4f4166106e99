import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { treeDigest } from '../executor/output-tree.ts';
import { encodeListing, type ListedEntry, parseListing } from '../root/listing.ts';
import { rootDigest } from '../root/root-digest.ts';
import type { CarriedKind } from './cache-entry.ts';

/** How the trees of a kind stand in the store, and what their digest is over. */
export interface TreeForm {
  /** What of the tree is carried; the digest beside it is computed anew. */
  readonly parts: readonly string[];
  /** Content of the file `digest`, given the digest. */
  readonly digestFile: (digest: string) => string;
  /** The digest of a tree's content: `sha256:` and 64 hex digits. `unpacked` lists what came out of an archive. */
  readonly digestOf: (tree: string, unpacked?: readonly ListedEntry[]) => Promise<string>;
}

/** One row a kind that caches carry. */
export const treeForms: Readonly<Record<CarriedKind, TreeForm>> = {
  output: {
    parts: ['out'],
    digestFile: (digest) => `${digest.slice('sha256:'.length)}\n`,
    digestOf: async (tree) => `sha256:${await treeDigest(join(tree, 'out'))}`,
  },
  root: {
    parts: ['files', 'listing'],
    digestFile: (digest) => digest,
    digestOf: async (tree, unpacked) => {
      const listing = join(tree, 'listing');
      const listed = parseListing(await readFile(listing, 'utf8'), listing);
      if (unpacked) await matchListing(join(tree, 'files'), listed, unpacked);
      return rootDigest(listed);
    },
  },
};

/** The digest that the store keeps beside a tree. */
export async function storedDigest(tree: string): Promise<string> {
  const text = (await readFile(join(tree, 'digest'), 'utf8')).trim();
  return text.startsWith('sha256:') ? text : `sha256:${text}`;
}

/**
 * Throws an `Error` unless the listing is of just what was unpacked. A tar of ours carries no sticky bit: directories
 * get it back from the listing.
 */
async function matchListing(
  files: string,
  listed: readonly ListedEntry[],
  unpacked: readonly ListedEntry[],
): Promise<void> {
  const inRoot = unpacked
    .filter(({ path }) => path.startsWith('files/'))
    .map((entry) => ({ ...entry, path: entry.path.slice('files/'.length) }));
  const plain = listed.map((entry) =>
    entry.type === 'directory' ? { ...entry, mode: '755' as const } : entry,
  );
  if (encodeListing(plain) !== encodeListing(inRoot)) throw new Error('its listing is not of its files');
  for (const entry of listed)
    if (entry.type === 'directory' && entry.mode === '1777') await chmod(join(files, entry.path), 0o1777);
}
