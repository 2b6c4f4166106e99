import { existsSync } from 'node:fs';
import { cp, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { exampleFolder } from '../support/examples.ts';
import type { Sample } from './benchmark.ts';
import { timeCommand } from './timing.ts';

const bin = fileURLToPath(new URL('../../packages/cli/bin/altee.js', import.meta.url));
const compiled = fileURLToPath(new URL('../../packages/cli/dist/altee.js', import.meta.url));

/** What the compiled `altee` takes: the one that users start, without TypeScript at run time. */
export function timeAltee(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Sample> {
  if (!existsSync(compiled)) throw new Error('There is no compiled command: run "npm run build"');
  return timeCommand({ command: [process.execPath, bin, ...args], env: { ...process.env, ...env } });
}

/** Gives `work` a copy of `examples/hello` without its results, and removes it afterwards. */
export async function withHelloCopy<T>(work: (folder: string) => Promise<T>): Promise<T> {
  return withTempDir(async (dir) => {
    const folder = join(dir, 'hello');
    const results = join(exampleFolder('hello'), 'dist');
    await cp(exampleFolder('hello'), folder, { recursive: true, filter: (path) => path !== results });
    return work(folder);
  });
}

/** A folder below /var/tmp, which is on a disk where /tmp may be memory. */
export async function withTempDir<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp('/var/tmp/altee-bench-');
  try {
    return await work(dir);
  } finally {
    await removeTree(dir);
  }
}
