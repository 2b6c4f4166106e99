import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exampleContext } from './context.ts';
import { judgesRoot } from './judges.ts';

/**
 * Compiles the program that tests start, and brings the pinned roots that tests run tools in, once for all of them: the judges, and QEMU with its firmware.
 * `ALTEE_TEST_ROOTS=none` leaves them out; tests that need them are then skipped.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['ALTEE_TEST_ROOTS'] === 'none') return undefined;
  await promisify(execFile)('npm', ['run', '--silent', 'bundle']);
  const { workshop, roots } = await exampleContext('hello');
  const judges = await judgesRoot(workshop);
  process.env['ALTEE_TEST_PLATFORM_ROOT'] ??= (await roots.get('platform')).path;
  if (process.env['ALTEE_TEST_ROOT'] !== undefined || process.getuid?.() !== 0) {
    process.env['ALTEE_TEST_ROOT'] ??= judges.path;
    return undefined;
  }
  // Tests run steps as another user too, who can't look into root's home, where the store usually is.
  const folder = await mkdtemp('/var/tmp/altee-test-root-');
  await chmod(folder, 0o755);
  process.env['ALTEE_TEST_ROOT'] = join(folder, 'root');
  await linkTree(judges.path, join(folder, 'root'));
  return () => rm(folder, { recursive: true, force: true });
}

/** As hard links where both are on one file system, else as a copy. */
async function linkTree(from: string, to: string): Promise<void> {
  const run = promisify(execFile);
  await run('cp', ['-al', from, to]).catch(async () => {
    await rm(to, { recursive: true, force: true });
    await run('cp', ['-a', from, to]);
  });
}
