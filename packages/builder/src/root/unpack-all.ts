import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Store } from '../store/store.ts';
import type { AssembleOptions } from './assemble-root.ts';
import { findUnpacked, type PackageFile, type UnpackedPackage, unpackPackage } from './unpack-package.ts';
import { xzOfPackages } from './xz-of-packages.ts';

/** More decoders than this only wait for the one thread that writes. */
const MAX_DECODERS = 4;

/**
 * The packages unpacked in the store, in any order; several at a time where they are not there yet. Throws what
 * `unpackPackage` throws.
 */
export async function unpackAll(
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
