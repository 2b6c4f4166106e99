import { readFile } from 'node:fs/promises';
import { lockedPackage } from '@altee/manifest';
import { z } from 'zod';
import type { Root } from '../../packages/builder/src/executor/executor.ts';
import { assembleRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { fetchAll, type Workshop } from '../../packages/builder/src/workshop.ts';

/** Debian's packages of rebuilderd: scheduler, worker, command. Pinned in `rebuilderd.lock.json`. */
export const REBUILDERD = ['rebuilderd', 'rebuilderd-worker', 'rebuildctl'] as const;
export type RebuilderdProgram = (typeof REBUILDERD)[number];

const lockFile = new URL('./rebuilderd.lock.json', import.meta.url);

const rebuilderdLock = z.strictObject({
  snapshot: z.string(),
  digest: z.string(),
  packages: z.record(z.string(), lockedPackage),
});

/** The root with the three programs, fetched and assembled when it is missing. */
export async function rebuilderdRoot(workshop: Workshop): Promise<Root> {
  const lock = rebuilderdLock.parse(JSON.parse(await readFile(lockFile, 'utf8')));
  const files = Object.entries(lock.packages).map(([name, file]) => ({ name, file }));
  const paths = await fetchAll(workshop, files, 'Fetch rebuilderd');
  const packages = files.map(({ name, file }) => ({
    name,
    path: paths.get(name) ?? '',
    sha256: file.sha256,
  }));
  const root = await assembleRoot(workshop.store, packages, workshop);
  if (root.digest !== lock.digest)
    throw new Error(`rebuilderd's root is ${root.digest}, locked ${lock.digest}`);
  return root;
}

/** How to start a program of the root on this machine: by the root's own loader, whatever C library is here. */
export function startedBy(root: Root, program: RebuilderdProgram): readonly [string, ...string[]] {
  const libraries = `${root.path}/usr/lib/x86_64-linux-gnu`;
  return [
    `${libraries}/ld-linux-x86-64.so.2`,
    '--library-path',
    libraries,
    `${root.path}/usr/bin/${program}`,
  ];
}
