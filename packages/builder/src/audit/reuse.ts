import { relative } from 'node:path';
import type { Lock } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import type { Executor } from '../executor/executor.ts';
import { buildImageKernel } from '../image-parts.ts';
import type { Project } from '../project.ts';
import { LockedRoots } from '../roots.ts';
import { openWorkshop, type WorkshopOptions } from '../workshop.ts';
import { copyOutput } from './inputs.ts';

/** What of the user's store an audit may be told to take instead of building it; each is a limit of its statement. */
export const REUSABLE = ['kernel'] as const;
export type Reusable = (typeof REUSABLE)[number];

/** An executor that builds nothing. */
const none: Executor = {
  name: 'sandbox',
  check: async () => {},
  execute: async () => {
    throw new BuilderError('invalid-input', 'The store of this machine has no kernel of this release', {
      hint: 'Build it with "altee build", or leave "--reuse kernel" out: the audit then builds it itself',
    });
  },
};

/**
 * Copies the kernel that the user's own store has into the stores of rebuilds. Throws `invalid-input` where it has none,
 * `bundle-invalid` where it was imported: built elsewhere.
 */
export async function reuseKernel(
  options: WorkshopOptions,
  project: Project,
  lock: Lock,
  stores: readonly string[],
): Promise<void> {
  const workshop = await openWorkshop(options, lock);
  const roots = new LockedRoots(lock, workshop);
  const kernel = await buildImageKernel({ project, lock, roots, workshop, executor: none });
  const key = (path: string) =>
    /^trees\/output\/([^/]+)\//.exec(relative(workshop.store.dir, path))?.[1] ?? '';
  for (const output of [kernel.source, kernel.config, kernel.bzImage])
    if (await workshop.store.isImported('output', key(output))) throw imported();
  for (const dir of stores) {
    await copyOutput(workshop.store.dir, dir, key(kernel.source), true);
    await copyOutput(workshop.store.dir, dir, key(kernel.config), false);
    await copyOutput(workshop.store.dir, dir, key(kernel.bzImage), false);
  }
}

/** Nobody on this machine has seen it being built. That lies here and not in the release: it must give no statement. */
function imported(): BuilderError {
  return new BuilderError(
    'bundle-invalid',
    'The kernel in the store of this machine was imported, not built here',
    {
      hint: 'Leave "--reuse kernel" out: the audit then builds it itself',
    },
  );
}
