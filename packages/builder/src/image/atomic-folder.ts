import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BuilderError } from '../error.ts';
import { explainDiskFull, ifPresent } from '../store/errno.ts';
import { removeTree } from '../store/remove-tree.ts';

/**
 * Throws `invalid-input` where `out` is there and may be somebody's work: no folder, or a folder with content that
 * `isOurs` doesn't know.
 */
export async function checkReplaceable(
  out: string,
  what: string,
  isOurs: (names: readonly string[]) => boolean | Promise<boolean>,
): Promise<void> {
  const found = await ifPresent(lstat(out));
  if (found === undefined) return;
  const names = found.isDirectory() ? await readdir(out) : undefined;
  if (names && (names.length === 0 || (await isOurs(names)))) return;
  throw new BuilderError('invalid-input', `"${out}" is there already, and is no ${what}`, {
    hint: 'Give another place, or remove it',
  });
}

/** Makes a folder beside `out` and puts it in its place as a whole, or, if `fill` fails, not at all. Throws `disk-full`. */
export async function writeFolderAtomically<T>(
  out: string,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const target = resolve(out);
  const made = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(made, { recursive: true });
    await chmod(made, 0o755);
    const result = await fill(made);
    await replace(target, made);
    return result;
  } catch (error) {
    throw explainDiskFull(error, out);
  } finally {
    await removeTree(made);
  }
}

async function replace(target: string, made: string): Promise<void> {
  const former = `${made}-former`;
  await ifPresent(rename(target, former));
  try {
    await rename(made, target);
  } catch (error) {
    await ifPresent(rename(former, target));
    throw error;
  }
  await removeTree(former);
}
