import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { BuilderError } from '../error.ts';
import { normaliseOutput } from '../executor/output-tree.ts';
import type { Reporter } from '../report.ts';
import type { ListedEntry } from '../root/listing.ts';
import { untar } from '../root/untar.ts';
import { ifPresent } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { Store } from '../store/store.ts';
import { entryName, invalidCache, MOST_ENTRY_BYTES, MOST_ENTRY_FILES } from './cache-entry.ts';
import type { CacheBlob, CacheReader } from './cache-format.ts';
import { INDEX_FILE, readFolderFormat } from './folder-format.ts';
import { LAYOUT_FILE, readOciFormat } from './oci-format.ts';
import { storedDigest, treeForms } from './tree-content.ts';

export interface ImportCacheOptions {
  readonly reporter: Reporter;
  /** A folder that `altee cache export` wrote, in either format. */
  readonly from: string;
  readonly signal?: AbortSignal;
  readonly storeDir?: string;
}

export interface ImportCacheResult {
  readonly from: string;
  /** What came in: `output-<key>`. */
  readonly imported: readonly string[];
  /** What was here already, with the same content. */
  readonly present: readonly string[];
  /** What was made otherwise here; where there is any, nothing came in. */
  readonly differing: readonly { readonly name: string; readonly here: string; readonly there: string }[];
}

/** How the format of a cache is told: by a file in it. */
const readers: readonly { readonly marker: string; readonly read: (path: string) => Promise<CacheReader> }[] =
  [
    { marker: INDEX_FILE, read: readFolderFormat },
    { marker: LAYOUT_FILE, read: readOciFormat },
  ];

/**
 * `altee cache import`: takes the outputs of another machine into the store, marked as such. Every blob is verified by
 * its digest, unpacked by the rules of packages, and the digest of what came out computed anew, before the first one
 * enters the store: a cache comes in as a whole or not at all.
 *
 * That a content is what its key stands for can't be verified but by building it: whoever imports trusts the exporter,
 * and an audit never uses what was imported. Throws `bundle-invalid`, and `invalid-input` where there is no cache.
 */
export async function importCache(options: ImportCacheOptions): Promise<ImportCacheResult> {
  const { from, reporter, signal } = options;
  const { blobs } = await readCache(from);
  await verifyBlobs(from, blobs, reporter, signal);
  const store = await Store.open(options.storeDir);
  const task = reporter.start('Unpack the cache');
  const work = await store.tempDir();
  try {
    const present: string[] = [];
    const differing: { name: string; here: string; there: string }[] = [];
    const fresh: { blob: CacheBlob; tree: string }[] = [];
    for (const [at, blob] of blobs.entries()) {
      signal?.throwIfAborted();
      const { kind, key, digest } = blob.entry;
      const tree = join(work.path, String(at));
      await unpack(from, blob, tree);
      const known = await store.tree(kind, key);
      if (known === undefined) fresh.push({ blob, tree });
      else {
        const here = await storedDigest(known);
        if (here === digest) present.push(entryName(blob.entry));
        else differing.push({ name: entryName(blob.entry), here, there: digest });
      }
      task.progress(at + 1, blobs.length, 'items');
    }
    if (differing.length === 0) for (const each of fresh) await enter(store, each.blob, each.tree);
    task.done(`${blobs.length} entries`);
    const imported = differing.length === 0 ? fresh.map(({ blob }) => entryName(blob.entry)) : [];
    return { from, imported, present, differing };
  } finally {
    await work.dispose();
  }
}

async function readCache(from: string): Promise<CacheReader> {
  const names = (await ifPresent(stat(from)))?.isDirectory() ? await readdir(from) : [];
  const format = readers.find(({ marker }) => names.includes(marker));
  if (format !== undefined) return format.read(from);
  throw new BuilderError('invalid-input', `There is no cache at "${from}"`, {
    hint: `Give a folder that "altee cache export" wrote: it holds ${readers.map(({ marker }) => `"${marker}"`).join(' or ')}`,
  });
}

async function verifyBlobs(
  from: string,
  blobs: readonly CacheBlob[],
  reporter: Reporter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const task = reporter.start('Verify the cache');
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const { entry, path, sha256, size } of blobs) {
    signal?.throwIfAborted();
    const found = await hashFile(path);
    if (found.sha256 !== sha256 || found.size !== size) {
      throw invalidCache(from, `the bytes of ${entryName(entry)} are not what its index says`, {
        details: [`wanted: ${size} bytes, ${sha256}`, `is: ${found.size} bytes, ${found.sha256}`],
      });
    }
    done += size;
    task.progress(done, total, 'bytes');
  }
  task.done(`${blobs.length} entries`);
}

/** Unpacks an entry into the new folder `tree`, as it will stand in the store. */
async function unpack(from: string, blob: CacheBlob, tree: string): Promise<void> {
  const { entry } = blob;
  const name = entryName(entry);
  const form = treeForms[entry.kind];
  await mkdir(tree, { mode: 0o755 });
  let digest: string;
  try {
    const unpacked = await untarBlob(blob, tree);
    const extra = unpacked
      .map(({ path }) => path.split('/')[0] ?? '')
      .find((part) => !form.parts.includes(part));
    if (extra !== undefined) throw new Error(`"${extra}" does not belong into it`);
    // What an archive leaves out is made, so that the digest tells.
    await mkdir(join(tree, form.parts[0] ?? ''), { recursive: true, mode: 0o755 });
    if (entry.kind === 'output') await normaliseOutput(join(tree, 'out'), name);
    digest = await form.digestOf(tree, unpacked);
  } catch (cause) {
    if (cause instanceof BuilderError && cause.code === 'disk-full') throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidCache(from, `${name}: ${reason}`, { cause });
  }
  if (digest !== entry.digest) {
    throw invalidCache(from, `the content of ${name} is not what it says`, {
      details: [`said: ${entry.digest}`, `is: ${digest}`],
    });
  }
  await writeFile(join(tree, 'digest'), form.digestFile(digest));
}

/** The archive's entries; its uncompressed bytes must be those that the entry names. */
async function untarBlob({ entry, tarSha256, path, gzip }: CacheBlob, tree: string): Promise<ListedEntry[]> {
  const hash = createHash('sha256');
  const meter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const source: Readable = createReadStream(path, { highWaterMark: 1 << 18 });
  const stages = gzip ? pipeline(source, createGunzip(), meter) : pipeline(source, meter);
  // It ends as the reading of the archive does, which tells why.
  stages.catch(() => {});
  const limits = { bytes: MOST_ENTRY_BYTES, entries: MOST_ENTRY_FILES };
  const unpacked = await untar(meter, tree, entryName(entry), limits);
  await stages;
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== tarSha256) throw new Error(`unpacked it is ${found}, not ${tarSha256}`);
  return unpacked;
}

async function enter(store: Store, { entry }: CacheBlob, tree: string): Promise<void> {
  const make = async (dir: string) => {
    for (const part of await readdir(tree)) await rename(join(tree, part), join(dir, part));
  };
  await store.addTree(entry.kind, entry.key, make, { imported: true });
}
