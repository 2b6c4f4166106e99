import { lstat, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { BuilderError } from '../error.ts';
import { hasCode } from '../store/errno.ts';

/** As many links as Linux follows in one path (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * The path on this machine of `path` in the root file system at `root`, with all symbolic links followed as a
 * program in the root would: absolute targets begin at the root, and `..` stops there. Nothing outside of the root is ever
 * reached, whatever its links say.
 *
 * Throws `package-not-found` if nothing is there, `archive-hostile` for links that go round in a circle.
 */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const todo = path.split('/').reverse();
  let links = 0;
  let resolved: string[] = [];
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      resolved.pop();
      continue;
    }
    const place = join(root, ...resolved, part);
    const target = (await isLink(place, path)) ? await readlink(place) : undefined;
    if (target === undefined) {
      resolved.push(part);
      continue;
    }
    if (++links > MAX_LINKS) {
      throw new BuilderError(
        'archive-hostile',
        `Cannot find "${path}" in the root: its links go round in a circle`,
      );
    }
    if (posix.isAbsolute(target)) resolved = [];
    todo.push(...target.split('/').reverse());
  }
  return join(root, ...resolved);
}

async function isLink(place: string, path: string): Promise<boolean> {
  try {
    return (await lstat(place)).isSymbolicLink();
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new BuilderError('package-not-found', `The root file system has no "${path}"`, {
      hint: 'The packages in the lock do not carry it; run "altee lock"',
      cause: error,
    });
  }
}
