import { mkdirSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HEARTBEAT_TIMEOUT_MS, isAlive, processIdentity } from './process-identity.ts';
import { removeTree } from './remove-tree.ts';

/** What the names of temporary folders begin with. */
export const WORK_PREFIX = 'work-';

/** This process's folders by their `tmp/`; one each store that it opened. */
const owned = new Map<string, string>();

/**
 * This process's folder in `tmpDir`: what is in it dies with the process. It is removed when the process ends; if
 * the process can't do so any more, by the next one that opens the store.
 */
export function ownFolder(tmpDir: string): string {
  const folder = join(tmpDir, processIdentity());
  mkdirSync(folder, { recursive: true });
  if (owned.size === 0) {
    setInterval(() => owned.forEach(touch), HEARTBEAT_TIMEOUT_MS / 6).unref();
    process.once('exit', () => owned.forEach(leave));
  }
  owned.set(tmpDir, folder);
  return folder;
}

function touch(folder: string): void {
  try {
    utimesSync(folder, new Date(), new Date());
  } catch {
    // The store was removed as a whole: there is nobody to tell.
  }
}

/** Large rests are left to the next process: leaving must not take long. */
function leave(folder: string): void {
  const rest = readdirOrNothing(folder);
  for (const name of rest.filter((name) => !name.startsWith(WORK_PREFIX))) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
  if (readdirOrNothing(folder).length === 0) rmSync(folder, { recursive: true, force: true });
}

/** Removes the folders of processes that are dead. */
export async function sweepDeadFolders(tmpDir: string): Promise<void> {
  for (const identity of await readdir(tmpDir)) {
    if (!isAlive(identity, tmpDir)) await removeTree(join(tmpDir, identity));
  }
}

function readdirOrNothing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
