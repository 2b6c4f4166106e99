import { mkdir, mkdtemp, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { PolicyFile } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { SUMS_FILE } from '../image/sums.ts';
import { explainDiskFull, ifPresent } from '../store/errno.ts';
import { removeTree } from '../store/remove-tree.ts';

/** How the README of every folder of policies begins. */
const OURS = 'Reference values and policies, one dialect a file or folder; written by altee.';

/**
 * Puts the files into a folder of their own, in place of a former one as a whole: no file of an older image stays
 * behind. Throws `invalid-input` where the folder is there and is neither empty nor a folder of policies, and where it
 * would be a part of a release.
 */
export async function writePolicyFolder(outDir: string, files: readonly PolicyFile[]): Promise<void> {
  const target = resolve(outDir);
  await checkFolder(target, outDir);
  try {
    await mkdir(dirname(target), { recursive: true });
    const made = await mkdtemp(join(dirname(target), `.${basename(target)}.tmp-`));
    try {
      for (const { path, bytes } of files) {
        await mkdir(dirname(join(made, 'policy', path)), { recursive: true });
        await writeFile(join(made, 'policy', path), bytes);
      }
      await ifPresent(rename(target, join(made, 'former')));
      await rename(join(made, 'policy'), target);
    } finally {
      await removeTree(made);
    }
  } catch (error) {
    throw explainDiskFull(error, outDir);
  }
}

async function checkFolder(target: string, outDir: string): Promise<void> {
  if ((await ifPresent(stat(join(dirname(target), SUMS_FILE)))) !== undefined) {
    throw new BuilderError(
      'invalid-input',
      `"${outDir}" would stand in a release, whose ${SUMS_FILE} would be wrong`,
      {
        hint: 'Give another folder with --out',
      },
    );
  }
  const names = await ifPresent(readdir(target)).catch((error: unknown) => {
    throw new BuilderError('invalid-input', `Cannot write "${outDir}": it is no folder that can be read`, {
      cause: error,
    });
  });
  if (names === undefined || names.length === 0) return;
  const readme = await ifPresent(readFile(join(target, 'README.txt'), 'utf8'));
  if (readme?.startsWith(OURS)) return;
  throw new BuilderError('invalid-input', `"${outDir}" is there already and holds no policies of altee's`, {
    hint: 'Give another folder with --out, or remove it',
  });
}
