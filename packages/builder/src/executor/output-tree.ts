import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, readdir, readlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BuilderError } from '../error.ts';

/** Modes that an output keeps: whether a file may be run is content, all else is the builder's habit. */
const DIRECTORY = 0o755;
const EXECUTABLE = 0o755;
const PLAIN = 0o644;

/**
 * Makes a step's output fit to be kept: directories 755, files 755 if their owner may run them and 644 otherwise
 * (which takes set-user-ID bits), times 0. Throws `step-failed` for what is neither directory, file nor link.
 */
export async function normaliseOutput(path: string, stepName: string, inside = '$OUT'): Promise<void> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return;
  if (stat.isDirectory()) {
    await chmod(path, DIRECTORY);
    for (const name of await readdir(path))
      await normaliseOutput(join(path, name), stepName, `${inside}/${name}`);
  } else if (stat.isFile()) {
    await chmod(path, (stat.mode & 0o100) === 0 ? PLAIN : EXECUTABLE);
  } else {
    throw new BuilderError('step-failed', `Step "${stepName}" left a special file at "${inside}"`, {
      hint: 'Only directories, regular files and symbolic links can be kept in $OUT',
    });
  }
  await utimes(path, 0, 0);
}

/**
 * The SHA-256 (64 hex digits) over a listing of a tree: for each entry, depth first and in code unit order of the
 * names, its kind, its path and its content. Owners, times and modes beyond `executable` don't count. Steps that
 * read the tree are keyed by this and not by how it was made: an output that came out the same stops a rebuild.
 */
export async function treeDigest(path: string): Promise<string> {
  const listing = createHash('sha256');
  for await (const line of list(path, '')) listing.update(line);
  return listing.digest('hex');
}

async function* list(path: string, inside: string): AsyncGenerator<string> {
  const stat = await lstat(path);
  const name = JSON.stringify(inside);
  if (stat.isSymbolicLink()) {
    yield `link ${name} ${JSON.stringify(await readlink(path))}\n`;
  } else if (stat.isDirectory()) {
    yield `dir ${name}\n`;
    for (const child of (await readdir(path)).sort()) {
      yield* list(join(path, child), inside === '' ? child : `${inside}/${child}`);
    }
  } else {
    const kind = (stat.mode & 0o100) === 0 ? 'file' : 'exec';
    const content = createHash('sha256');
    await pipeline(createReadStream(path), content);
    yield `${kind} ${name} ${stat.size} ${content.digest('hex')}\n`;
  }
}
