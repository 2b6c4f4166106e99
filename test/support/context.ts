import { silentReporter } from '@altee/builder';
import type { Lock } from '@altee/manifest';
import type { Executor } from '../../packages/builder/src/executor/executor.ts';
import { sandboxExecutor } from '../../packages/builder/src/executor/sandbox.ts';
import { openProject, type Project, readLock } from '../../packages/builder/src/project.ts';
import { LockedRoots } from '../../packages/builder/src/roots.ts';
import { openWorkshop, type Workshop } from '../../packages/builder/src/workshop.ts';
import { type Example, exampleManifest } from './examples.ts';

/** An example with its lock, roots and store, for tests that look inside of a build. */
export interface ExampleContext {
  readonly project: Project;
  readonly lock: Lock;
  readonly workshop: Workshop;
  readonly roots: LockedRoots;
  readonly executor: Executor;
}

export async function exampleContext(name: Example): Promise<ExampleContext> {
  const project = await openProject(exampleManifest(name));
  const lock = await readLock(project);
  if (!lock) throw new Error(`examples/${name} has no lock`);
  const workshop = await openWorkshop({ reporter: silentReporter, offline: false, vendorDirs: [] }, lock);
  return { project, lock, workshop, roots: new LockedRoots(lock, workshop), executor: sandboxExecutor() };
}
