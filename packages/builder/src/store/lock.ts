import { mkdir, readdir, rename, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './errno.ts';
import { isAlive, processIdentity } from './process-identity.ts';

const FIRST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 200;

export interface LockPlace {
  /** Folder of the locks. */
  readonly locksDir: string;
  /** Folder of the processes' temporary folders, on the same file system. */
  readonly tmpDir: string;
  /** This process's folder in `tmpDir`. */
  readonly ownDir: string;
}

let acquired = 0;

/**
 * Runs `work` while holding the lock `name`, which no other process and no other caller in this one holds
 * meanwhile. A lock whose holder died is free.
 *
 * A lock is a folder with one file named after its holder. It is taken by renaming a prepared folder onto it:
 * rename(2) replaces an empty folder and fails on one with content. A dead holder is removed by its own name, so
 * that two waiters who find it dead at once can't remove the one who came after it.
 */
export async function withLock<T>(place: LockPlace, name: string, work: () => Promise<T>): Promise<T> {
  const release = await acquire(place, name);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(place: LockPlace, name: string): Promise<() => Promise<void>> {
  const holder = `${processIdentity()}.${++acquired}`;
  const lock = join(place.locksDir, name);
  const prepared = join(place.ownDir, `lock-${acquired}`);
  await mkdir(prepared);
  await writeFile(join(prepared, holder), '');
  let wait = FIRST_WAIT_MS;
  while (!(await tryRename(prepared, lock))) {
    if (await removeDeadHolders(place, lock)) continue;
    await sleep(wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
  return async () => {
    await unlink(join(lock, holder));
    // Only tidiness: it fails when the next holder is already in.
    await rmdir(lock).catch(() => {});
  };
}

async function tryRename(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

async function removeDeadHolders(place: LockPlace, lock: string): Promise<boolean> {
  const holders = await readdir(lock).catch(() => []);
  const dead = holders.filter((holder) => !isAlive(holder, place.tmpDir));
  await Promise.all(dead.map((holder) => unlink(join(lock, holder)).catch(() => {})));
  return dead.length === holders.length;
}
