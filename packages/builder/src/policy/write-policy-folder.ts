import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { PolicyFile } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { SUMS_FILE } from '../image/sums.ts';
import { explainDiskFull, hasCode, ifPresent } from '../store/errno.ts';
import { fileErrorReason, isSystemError } from '../store/file-error.ts';
import { makeFolders } from '../store/make-folders.ts';
import { removeTree } from '../store/remove-tree.ts';

/** How the README of every folder of policies begins. */
const OURS = 'Reference values and policies, one dialect a file or folder; written by altee.';

/**
 * Puts the files into a folder of their own, in place of a former one as a whole, or not at all: no file of an older
 * image stays behind. Throws `invalid-input` where the folder can't be written, where it is there and is neither empty
 * nor a folder of policies, and where it would be a part of a release.
 */
export async function writePolicyFolder(outDir: string, files: readonly PolicyFile[]): Promise<void> {
  try {
    await replaceFolder(await checkFolder(outDir), files);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const explained = explainDiskFull(error, outDir);
    if (explained instanceof BuilderError) throw explained;
    // /proc says so, where nothing can be made.
    const why = hasCode(error, 'ENOENT') ? 'no folder can be made there' : fileErrorReason(error);
    throw new BuilderError('invalid-input', `Cannot write "${outDir}": ${why}`, {
      hint: 'Give another folder with --out',
    });
  }
}

async function replaceFolder(target: string, files: readonly PolicyFile[]): Promise<void> {
  await makeFolders(dirname(target));
  const made = await mkdtemp(join(dirname(target), `.${basename(target)}.tmp-`));
  const former = join(made, 'former');
  try {
    for (const { path, bytes } of files) {
      await mkdir(dirname(join(made, 'policy', path)), { recursive: true });
      await writeFile(join(made, 'policy', path), bytes);
    }
    await ifPresent(rename(target, former));
    try {
      await rename(join(made, 'policy'), target);
    } catch (error) {
      await ifPresent(rename(former, target));
      throw error;
    }
  } finally {
    await removeTree(made);
  }
}

/** The folder to write, with no link in its path where it is there already. */
async function checkFolder(outDir: string): Promise<string> {
  const given = resolve(outDir);
  const isThere = (await ifPresent(lstat(given))) !== undefined;
  const target = isThere ? await realpath(given) : given;
  if ((await ifPresent(stat(join(dirname(target), SUMS_FILE)))) !== undefined) {
    throw new BuilderError(
      'invalid-input',
      `"${outDir}" would stand in a release, whose ${SUMS_FILE} would be wrong`,
      { hint: 'Give another folder with --out' },
    );
  }
  if (!isThere) return target;
  // Fails where it is a file: somebody's work.
  const names = await readdir(target);
  if (names.length === 0) return target;
  const readme = names.includes('README.txt') ? await readFile(join(target, 'README.txt'), 'utf8') : '';
  if (readme.startsWith(OURS)) return target;
  throw new BuilderError('invalid-input', `"${outDir}" is there already and holds no policies of altee's`, {
    hint: 'Give another folder with --out, or remove it',
  });
}
