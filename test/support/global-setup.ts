import { exampleContext } from './context.ts';
import { judgesRoot } from './judges.ts';

/**
 * Brings the pinned roots that tests run tools in, once for all of them: the judges, and QEMU with its firmware.
 * `ALTEE_TEST_ROOTS=none` leaves them out; tests that need them are then skipped.
 */
export default async function setup(): Promise<void> {
  if (process.env['ALTEE_TEST_ROOTS'] === 'none') return;
  const { workshop, roots } = await exampleContext('hello');
  process.env['ALTEE_TEST_ROOT'] ??= (await judgesRoot(workshop)).path;
  process.env['ALTEE_TEST_PLATFORM_ROOT'] ??= (await roots.get('platform')).path;
}
