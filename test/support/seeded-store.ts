import { execFile } from 'node:child_process';
import { access, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ExampleContext } from './context.ts';

/** By what a step leaves, one knows the kernel's three: its sources, its configuration, the kernel. */
const KERNEL_OUTPUTS = ['Kconfig', 'symbols', 'bzImage'];

/**
 * A new store in `folder` with what the example's store has of inputs and roots, and of outputs the kernel's alone, which take
 * too long to make again: whoever builds with it runs every other step.
 */
export async function seedStore(folder: string, { workshop, roots, lock }: ExampleContext): Promise<void> {
  const from = workshop.store.dir;
  const paths = ['files'];
  for (const name of Object.keys(lock.roots)) {
    const tree = dirname((await roots.get(name)).path);
    paths.push(tree.slice(from.length + 1), `${tree.slice(from.length + 1)}.json`);
  }
  for (const key of await readdir(join(from, 'trees/output'))) {
    const out = join(from, 'trees/output', key, 'out');
    const isKernels = await Promise.any(KERNEL_OUTPUTS.map((name) => access(join(out, name)))).then(
      () => true,
      () => false,
    );
    if (isKernels) paths.push(`trees/output/${key}`, `trees/output/${key}.json`);
  }
  await mkdir(folder, { recursive: true });
  const copy = (how: string) =>
    promisify(execFile)('cp', [how, '--parents', ...paths, folder], { cwd: from });
  // As hard links where both are on one file system.
  await copy('-al').catch(() => copy('-a'));
}
