import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { OUT_PATH, STEP_UID, WORK_PATH } from '../environment.ts';
import type { Root } from '../executor.ts';
import { packTrees } from './pack-tree.ts';

/** Folders that the step itself writes to; a volume mounted on one takes its owner. */
const STEP_FOLDERS: ReadonlySet<string> = new Set([WORK_PATH.slice(1), OUT_PATH.slice(1)]);

/**
 * The root as a tar archive, whose bytes follow from the root's content alone: sorted, times 0, everything root's but
 * the step's two folders, modes 644, 755 and 1777, which are those that the root's digest covers.
 */
export function packRoot(root: Root): Readable {
  return packTrees([{ path: root.path, inside: '' }], {
    mode: canonicalMode,
    owner: (inside) => (STEP_FOLDERS.has(inside) ? STEP_UID : 0),
  });
}

function canonicalMode(stat: Stats): number {
  if (stat.isSymbolicLink()) return 0o777;
  if (stat.isDirectory()) return (stat.mode & 0o1000) === 0 ? 0o755 : 0o1777;
  return (stat.mode & 0o111) === 0 ? 0o644 : 0o755;
}

/** What a root is, byte by byte: path → kind, mode, owner, content. */
export type RootEntries = ReadonlyMap<string, string>;

export interface RootContent {
  /** Of the archive: `sha256:` and 64 hex digits, which is the DiffID of a layer made of it (OCI image spec, config). */
  readonly diffId: string;
  readonly entries: RootEntries;
}

/** Reads the store's root, as {@link packRoot} gives it. */
export async function readRoot(root: Root): Promise<RootContent> {
  const whole = createHash('sha256');
  const hashed = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      whole.update(chunk);
      done(null, chunk);
    },
  });
  const tar = packRoot(root);
  tar.on('error', (error) => hashed.destroy(error));
  const entries = await readRootEntries(tar.pipe(hashed));
  return { diffId: `sha256:${whole.digest('hex')}`, entries };
}

/** Only compared within this process; of the strong hashes the fastest on processors without instructions for SHA-256. */
const ENTRY_HASH = 'blake2b512';

/** Reads a root's archive, ours or what an engine gives back. */
export async function readRootEntries(source: Readable): Promise<RootEntries> {
  const entries = new Map<string, string>();
  const tar = extract();
  const feed = pipeline(source, tar).then(
    () => undefined,
    (error: unknown) => error,
  );
  for await (const entry of tar) {
    const { name, type, mode, uid, gid, linkname } = entry.header;
    const hash = createHash(ENTRY_HASH);
    for await (const chunk of entry) hash.update(chunk as Buffer);
    const path = name.replace(/^(?:\.?\/)+/, '').replace(/\/$/, '');
    const bits = type === 'symlink' ? '' : ((mode ?? 0) & 0o7777).toString(8);
    entries.set(path, `${type} ${bits} ${uid}:${gid} ${linkname ?? ''} ${hash.digest('base64')}`);
  }
  const failure = await feed;
  if (failure !== undefined) throw failure;
  return entries;
}
