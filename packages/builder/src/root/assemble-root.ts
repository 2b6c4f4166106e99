import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Root } from '../executor/executor.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import { encodeListing, type ListedEntry, parseListing } from './listing.ts';
import { type MergedEntry, mergePackages } from './merge-packages.ts';
import { rootDigest, rootKey } from './root-digest.ts';
import type { PackageFile } from './unpack-package.ts';
import { writeRoot } from './write-root.ts';

export interface AssembleOptions {
  readonly reporter: Reporter;
  /** What the task is called for the user. */
  readonly title?: string;
  /** Further packages in the store that may help to unpack (xz-utils and what it needs); not part of the root. */
  readonly helpers?: readonly PackageFile[];
}

/**
 * A root file system of these packages, read-only, in the store: from there if it was made before, else unpacked
 * and linked together. Its digest depends on the packages' content alone. The packages' files must be verified.
 *
 * Throws `archive-hostile`, `archive-malformed`, `dependency-unsatisfiable` (two packages with different files at
 * one path), `disk-full`.
 */
export async function assembleRoot(
  store: Store,
  packages: readonly PackageFile[],
  options: AssembleOptions,
): Promise<Root> {
  const key = rootKey(packages.map(({ sha256 }) => sha256));
  const present = await readRoot(store, key);
  if (present !== undefined) return present;
  // Loaded only where there is something to unpack: most builds find their roots ready.
  const { unpackAll } = await import('./unpack-all.ts');
  const unpacked = await unpackAll(store, packages, options);
  const tree = await store.addTree('root', key, async (dir) => {
    const merged = mergePackages(unpacked);
    await mkdir(join(dir, 'files'), { mode: 0o755 });
    await writeRoot(join(dir, 'files'), merged);
    const entries = merged.map(({ entry }) => entry);
    await writeFile(join(dir, 'listing'), encodeListing(entries));
    await writeFile(join(dir, 'digest'), rootDigest(entries));
    return ownBytes(merged);
  });
  return rootIn(tree);
}

/** The root of that key (see `rootKey`) if it is in the store. */
export async function readRoot(store: Store, key: string): Promise<Root | undefined> {
  const tree = await store.tree('root', key);
  return tree === undefined ? undefined : rootIn(tree);
}

/** What is in a root that `assembleRoot` gave, sorted by path, with the modes that its digest covers. */
export async function readRootListing(root: Root): Promise<ListedEntry[]> {
  const file = join(root.path, '..', 'listing');
  return parseListing(await readFile(file, 'utf8'), file);
}

async function rootIn(tree: string): Promise<Root> {
  return { digest: await readFile(join(tree, 'digest'), 'utf8'), path: join(tree, 'files') };
}

/** Bytes that are in no package. */
function ownBytes(merged: readonly MergedEntry[]): number {
  return merged.reduce(
    (sum, { entry, from }) =>
      sum + (entry.type === 'file' && from !== undefined && 'content' in from ? entry.size : 0),
    0,
  );
}
