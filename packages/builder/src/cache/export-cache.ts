import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import type { Executor } from '../executor/executor.ts';
import { checkReplaceable, writeFolderAtomically } from '../image/atomic-folder.ts';
import { buildImage } from '../image-parts.ts';
import { openProject } from '../project.ts';
import type { Reporter } from '../report.ts';
import { LockedRoots } from '../roots.ts';
import type { StoreEntry } from '../store/entry.ts';
import { Store } from '../store/store.ts';
import { ensureLock } from '../update-lock.ts';
import { openWorkshop } from '../workshop.ts';
import { type CacheEntry, type CarriedKind, carriedKey, carriedKinds, entryName } from './cache-entry.ts';
import { INDEX_FILE, writeFolderFormat } from './folder-format.ts';
import { LAYOUT_FILE, writeOciFormat } from './oci-format.ts';
import { packTree } from './pack-tree.ts';
import { storedDigest, treeForms } from './tree-content.ts';

/** The formats of a cache, one row each. */
const formats = {
  folder: { write: writeFolderFormat, marker: INDEX_FILE },
  oci: { write: writeOciFormat, marker: LAYOUT_FILE },
} as const;

export type CacheFormat = keyof typeof formats;
export const cacheFormats = Object.keys(formats) as readonly CacheFormat[];

export interface ExportCacheOptions {
  readonly reporter: Reporter;
  /** The folder to write; the former one is replaced. */
  readonly to: string;
  readonly format: CacheFormat;
  /** Only what the build of this project uses, which must have been built here. */
  readonly manifestFile?: string;
  /** Root file systems too, which every machine can unpack itself. */
  readonly roots: boolean;
  /** Larger trees stay here: a kernel's unpacked source is made faster than carried. */
  readonly mostBytes: number;
  readonly signal?: AbortSignal;
  readonly storeDir?: string;
}

export interface ExportCacheResult {
  readonly to: string;
  readonly format: CacheFormat;
  readonly entries: readonly CacheEntry[];
  readonly bytes: number;
  /** What was too large: `output-<key>` and bytes. */
  readonly leftOut: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * `altee cache export`: outputs of build steps, each as a tar under the key of all that it depends on. The same trees
 * give the same bytes. Throws `store-corrupt` where a tree is not what it was when it was made.
 */
export async function exportCache(options: ExportCacheOptions): Promise<ExportCacheResult> {
  const { to, format, reporter, signal } = options;
  await checkReplaceable(to, 'cache', (names) => names.includes(formats[format].marker));
  const store = await Store.open(options.storeDir);
  const used = options.manifestFile === undefined ? undefined : await usedBy(options.manifestFile, options);
  const candidates = (await store.list())
    .filter((found) => isCarried(found, options.roots))
    .filter((found) => used === undefined || used.has(entryName(found)))
    .sort((a, b) => (entryName(a) < entryName(b) ? -1 : 1));
  const chosen = candidates.filter(({ size }) => size <= options.mostBytes);
  const leftOut = candidates
    .filter(({ size }) => size > options.mostBytes)
    .map((found) => ({ name: entryName(found), bytes: found.size }));

  const task = reporter.start('Export the cache');
  const total = chosen.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const entries = await writeFolderAtomically(to, async (folder) => {
    const work = join(folder, 'work');
    await mkdir(work);
    const packed: { entry: CacheEntry; tar: string }[] = [];
    for (const found of chosen) {
      signal?.throwIfAborted();
      // Asked for, so that nobody prunes it meanwhile.
      const tree = await store.tree(found.kind, found.key);
      if (tree === undefined) continue;
      const tar = join(work, entryName(found));
      const form = treeForms[found.kind];
      const digest = await storedDigest(tree);
      if ((await form.digestOf(tree)) !== digest) throw corrupt(found);
      const size = await packTree(tree, form.parts, tar, (bytes) => {
        done += bytes;
        task.progress(Math.min(done, total), total, 'bytes');
      });
      packed.push({ entry: { kind: found.kind, key: found.key, digest, tar: size }, tar });
    }
    await formats[format].write(folder, packed);
    await rm(work, { recursive: true });
    return packed.map(({ entry }) => entry);
  });
  task.done(`${entries.length} entries`);
  const bytes = entries.reduce((sum, { tar }) => sum + tar.size, 0);
  return { to, format, entries, bytes, leftOut };
}

type CarriedEntry = StoreEntry & { readonly kind: CarriedKind };

function isCarried(found: StoreEntry, roots: boolean): found is CarriedEntry {
  const carried = (carriedKinds as readonly string[]).includes(found.kind);
  return carried && (roots || found.kind !== 'root') && carriedKey.safeParse(found.key).success;
}

/** The names of all that the build of a project takes from the store. */
async function usedBy(
  manifestFile: string,
  { reporter, signal, storeDir }: ExportCacheOptions,
): Promise<ReadonlySet<string>> {
  const common = {
    reporter,
    offline: true,
    vendorDirs: [],
    ...(signal ? { signal } : {}),
    ...(storeDir === undefined ? {} : { storeDir }),
  };
  const project = await openProject(manifestFile);
  const lock = await ensureLock(project, { ...common, frozen: true });
  const workshop = await openWorkshop(common, lock);
  const roots = new LockedRoots(lock, workshop);
  await buildImage({ project, lock, roots, workshop, executor: builtBefore });
  return new Set(
    carriedKinds.flatMap((kind) => workshop.store.askedFor(kind).map((key) => entryName({ kind, key }))),
  );
}

/** Runs nothing: an export takes what a build has left. */
const builtBefore: Executor = {
  name: 'sandbox',
  check: async () => {},
  execute: async ({ name }) => {
    throw new BuilderError('invalid-input', `The project was not built here: "${name}" is not in the store`, {
      hint: 'Run "altee build" first',
    });
  },
};

function corrupt(found: StoreEntry): BuilderError {
  return new BuilderError('store-corrupt', `"${found.path}" was changed since it was made`, {
    hint: 'Remove that folder and build again',
  });
}
