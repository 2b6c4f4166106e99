import { createReadStream, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Header, type Pack, pack } from 'tar-stream';
import { BuilderError } from '../../error.ts';

/** A file or folder of this machine, and the path that it gets in the archive. */
export interface PackedTree {
  readonly path: string;
  /** Without leading or trailing slash; empty for the archive's own root, which is not listed then. */
  readonly inside: string;
}

export interface PackOptions {
  /** The permission bits of an entry, given what it has here. */
  readonly mode: (stat: Stats, inside: string) => number;
  readonly owner?: (inside: string) => number;
}

/** What is read at once; larger files are streamed. */
const SMALL_FILE = 2 ** 20;
/** Bytes handed on at once: a header alone is not worth a system call. */
const CHUNK = 2 ** 18;
const ENTRIES_PER_TURN = 200;

/**
 * A tar archive of these trees. Its bytes follow from names, kinds, content and `options` alone: entries in code
 * unit order of the names, times 0, owner 0. Links are not followed; throws `invalid-input` for special files.
 */
export function packTrees(trees: readonly PackedTree[], options: PackOptions): Readable {
  return Readable.from(archive(trees, options), { objectMode: false });
}

async function* archive(trees: readonly PackedTree[], options: PackOptions): AsyncGenerator<Buffer> {
  const tar = pack();
  let failure: unknown;
  addTrees(tar, trees, options).then(
    () => tar.finalize(),
    (error: unknown) => {
      failure = error;
      tar.destroy();
    },
  );
  try {
    yield* inChunks(tar);
  } catch (error) {
    throw failure ?? error;
  }
  // What was read so far must not pass for all there is.
  if (failure !== undefined) throw failure;
}

async function addTrees(tar: Pack, trees: readonly PackedTree[], options: PackOptions): Promise<void> {
  // Whoever reads has to be there first: a stream that failed before has no end.
  await nextTurn();
  let count = 0;
  for (const { path, inside } of trees) {
    for (const entry of walk(path, inside)) {
      await addEntry(tar, entry, options);
      if (++count % ENTRIES_PER_TURN === 0) await nextTurn();
    }
  }
}

interface Entry {
  readonly path: string;
  readonly inside: string;
  readonly stat: Stats;
}

function* walk(path: string, inside: string): Generator<Entry> {
  const stat = lstatSync(path);
  if (inside !== '') yield { path, inside, stat };
  if (!stat.isDirectory()) return;
  for (const name of readdirSync(path).sort()) yield* walk(join(path, name), join(inside, name));
}

async function addEntry(tar: Pack, { path, inside, stat }: Entry, options: PackOptions): Promise<void> {
  const owner = options.owner?.(inside) ?? 0;
  const header: Partial<Header> & { name: string } = {
    name: inside,
    mode: options.mode(stat, inside),
    uid: owner,
    gid: owner,
    mtime: new Date(0),
  };
  if (stat.isDirectory()) return add(tar, { ...header, name: `${inside}/`, type: 'directory' });
  if (stat.isSymbolicLink()) return add(tar, { ...header, type: 'symlink', linkname: readlinkSync(path) });
  if (!stat.isFile()) {
    throw new BuilderError('invalid-input', `Cannot hand "${path}" to a container: it is a special file`);
  }
  if (stat.size <= SMALL_FILE) return add(tar, { ...header, type: 'file' }, readFileSync(path));
  await new Promise<void>((resolve, reject) => {
    const sink = tar.entry({ ...header, type: 'file', size: stat.size }, (error) =>
      error ? reject(error) : resolve(),
    );
    pipeline(createReadStream(path, { highWaterMark: SMALL_FILE }), sink).catch(reject);
  });
}

function add(tar: Pack, header: Partial<Header> & { name: string }, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content === undefined) tar.entry(header, done);
    else tar.entry(header, content, done);
  });
}

async function* inChunks(tar: Pack): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const part of tar as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length < CHUNK) continue;
    yield Buffer.concat(parts, length);
    [parts, length] = [[], 0];
  }
  if (length > 0) yield Buffer.concat(parts, length);
}
