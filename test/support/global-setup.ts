import { silentReporter } from '@altee/builder';
import { openProject, readLock } from '../../packages/builder/src/project.ts';
import { LockedRoots } from '../../packages/builder/src/roots.ts';
import { openWorkshop } from '../../packages/builder/src/workshop.ts';
import { exampleManifest } from './examples.ts';
import { judgesRoot } from './judges.ts';

/**
 * Brings the pinned roots that tests run tools in, once for all of them: the judges, and QEMU with its firmware.
 * `ALTEE_TEST_ROOTS=none` leaves them out; tests that need them are then skipped.
 */
export default async function setup(): Promise<void> {
  if (process.env['ALTEE_TEST_ROOTS'] === 'none') return;
  const project = await openProject(exampleManifest('hello'));
  const lock = await readLock(project);
  if (!lock) throw new Error('examples/hello has no lock');
  const workshop = await openWorkshop({ reporter: silentReporter, offline: false, vendorDirs: [] }, lock);
  process.env['ALTEE_TEST_ROOT'] ??= (await judgesRoot(workshop)).path;
  process.env['ALTEE_TEST_PLATFORM_ROOT'] ??= (await new LockedRoots(lock, workshop).get('platform')).path;
}
