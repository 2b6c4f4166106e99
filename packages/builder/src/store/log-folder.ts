import { lstat, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent } from './errno.ts';
import { removeTree } from './remove-tree.ts';
import type { Store } from './store.ts';

/** Whoever wanted to read the log of a failed step has done so. */
const LOG_AGE_MS = 7 * 24 * 3_600_000;

/** A new folder for the log of one step, in the store; older ones that failed steps left are removed. */
export async function logFolder(store: Store): Promise<string> {
  const base = join(store.dir, 'logs');
  await mkdir(base, { recursive: true });
  for (const name of await readdir(base)) {
    const found = await ifPresent(lstat(join(base, name)));
    if (found && Date.now() - found.mtimeMs > LOG_AGE_MS) await removeTree(join(base, name));
  }
  return mkdtemp(join(base, 'step-'));
}
