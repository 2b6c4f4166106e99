import { createHash, type Hash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BuilderError } from '../error.ts';

/** Modes that an output keeps: whether a file may be run is content, all else is the builder's habit. */
const DIRECTORY = 0o755;
const EXECUTABLE = 0o755;
const PLAIN = 0o644;

/** Entries between two turns of the event loop: synchronous calls are many times faster on a large tree. */
const ENTRIES_PER_TURN = 500;
const READ_BYTES = 1024 * 1024;

/**
 * Makes a step's output fit to be kept: directories 755, files 755 if their owner may run them and 644 otherwise
 * (which takes set-user-ID bits), times 0. Throws `step-failed` for what is neither directory, file nor link.
 */
export async function normaliseOutput(path: string, stepName: string): Promise<void> {
  for await (const entry of walk(path, (directory) => chmodSync(directory, DIRECTORY))) {
    if (entry.stat.isSymbolicLink()) continue;
    if (entry.stat.isFile()) {
      chmodSync(entry.path, (entry.stat.mode & 0o100) === 0 ? PLAIN : EXECUTABLE);
    } else if (!entry.stat.isDirectory()) {
      throw new BuilderError(
        'step-failed',
        `Step "${stepName}" left a special file at "$OUT/${entry.inside}"`,
        {
          hint: 'Only directories, regular files and symbolic links can be kept in $OUT',
        },
      );
    }
    utimesSync(entry.path, 0, 0);
  }
}

/**
 * The SHA-256 (64 hex digits) over a listing of a tree: for each entry, depth first and in code unit order of the
 * names, its kind, its path and its content. Owners, times and modes beyond `executable` don't count. Steps that
 * read the tree are keyed by this and not by how it was made: an output that came out the same stops a rebuild.
 */
export async function treeDigest(path: string): Promise<string> {
  const listing = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for await (const entry of walk(path)) listing.update(describe(entry, buffer));
  return listing.digest('hex');
}

interface Entry {
  readonly path: string;
  /** The path inside the tree; empty for the tree itself. */
  readonly inside: string;
  readonly stat: Stats;
}

/** Every entry of a tree, the tree itself first, links not followed. */
async function* walk(path: string, beforeListing?: (directory: string) => void): AsyncGenerator<Entry> {
  const pending: string[] = [''];
  let count = 0;
  for (let inside = pending.pop(); inside !== undefined; inside = pending.pop()) {
    const entry = { path: join(path, inside), inside, stat: lstatSync(join(path, inside)) };
    if (entry.stat.isDirectory()) {
      beforeListing?.(entry.path);
      // The last one pushed is taken first.
      for (const name of readdirSync(entry.path).sort().reverse()) pending.push(join(inside, name));
    }
    yield entry;
    if (++count % ENTRIES_PER_TURN === 0) await nextTurn();
  }
}

function describe({ path, inside, stat }: Entry, buffer: Buffer): string {
  const name = JSON.stringify(inside);
  if (stat.isSymbolicLink()) return `link ${name} ${JSON.stringify(readlinkSync(path))}\n`;
  if (stat.isDirectory()) return `dir ${name}\n`;
  const kind = (stat.mode & 0o100) === 0 ? 'file' : 'exec';
  return `${kind} ${name} ${stat.size} ${hashFile(path, buffer).digest('hex')}\n`;
}

function hashFile(path: string, buffer: Buffer): Hash {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, length));
    }
    return hash;
  } finally {
    closeSync(file);
  }
}
