import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Root } from '../executor/executor.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import { encodeListing, type ListedEntry, parseListing } from './listing.ts';
import { type MergedEntry, mergePackages } from './merge-packages.ts';
import { rootDigest, rootKey } from './root-digest.ts';
import { findUnpacked, type PackageFile, type UnpackedPackage, unpackPackage } from './unpack-package.ts';
import { writeRoot } from './write-root.ts';
import { xzOfPackages } from './xz-of-packages.ts';

export interface AssembleOptions {
  readonly reporter: Reporter;
  /** What the task is called for the user. */
  readonly title?: string;
  /** Further packages in the store that may help to unpack (xz-utils and what it needs); not part of the root. */
  readonly helpers?: readonly PackageFile[];
}

/** More decoders than this only wait for the one thread that writes. */
const MAX_DECODERS = 4;

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

async function unpackAll(
  store: Store,
  packages: readonly PackageFile[],
  { reporter, title = 'Unpack packages', helpers = [] }: AssembleOptions,
): Promise<UnpackedPackage[]> {
  const found = await Promise.all(packages.map((file) => findUnpacked(store, file)));
  const missing = packages.filter((_, index) => found[index] === undefined);
  const unpacked = found.filter((one) => one !== undefined);
  if (missing.length === 0) return unpacked;

  const task = reporter.start(title);
  const decodeXz = await xzOfPackages(store, [...packages, ...helpers]);
  const queue = await largestFirst(missing);
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      try {
        unpacked.push(await unpackPackage(store, file, decodeXz));
      } catch (error) {
        // The root can't be made any more: the others need not begin further packages.
        queue.length = 0;
        throw error;
      }
      task.progress(unpacked.length, packages.length, 'items');
    }
  };
  const count = Math.min(MAX_DECODERS, Math.max(2, availableParallelism()));
  const ended = await Promise.allSettled(Array.from({ length: count }, worker));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  task.done(`${missing.length} packages`);
  return unpacked;
}

/** So that no large package is left alone at the end. */
async function largestFirst(files: readonly PackageFile[]): Promise<PackageFile[]> {
  const sized = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file.path)).size })));
  return sized.sort((a, b) => b.size - a.size).map(({ file }) => file);
}

/** Bytes that are in no package. */
function ownBytes(merged: readonly MergedEntry[]): number {
  return merged.reduce(
    (sum, { entry, from }) =>
      sum + (entry.type === 'file' && from !== undefined && 'content' in from ? entry.size : 0),
    0,
  );
}
