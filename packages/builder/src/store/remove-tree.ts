import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BuilderError } from '../error.ts';
import { hasCode } from './errno.ts';

/** System calls between two turns of the event loop. */
const CALLS_PER_TURN = 2_000;

/**
 * Removes a file or a folder with all its content; also read-only folders; never follows a symbolic link and
 * never enters another file system (a forgotten mount of `/dev` or `/home`: throws `store-corrupt`). What
 * vanishes meanwhile (another process removes it too) is no error.
 */
export async function removeTree(path: string): Promise<void> {
  let calls = 0;
  const start = ignoringAbsence(() => lstatSync(path));
  if (start === undefined) return;
  if (start.isDirectory()) await removeFolder(path);
  else ignoringAbsence(() => unlinkSync(path));

  async function removeFolder(folder: string): Promise<void> {
    for (const entry of ignoringAbsence(() => readableEntries(folder)) ?? []) {
      const child = join(folder, entry.name);
      if (entry.isDirectory()) await removeFolder(child);
      else ignoringAbsence(() => unlinkSync(child));
      if (++calls % CALLS_PER_TURN === 0) await nextTurn();
    }
    ignoringAbsence(() => rmdirSync(folder));
  }

  function readableEntries(folder: string) {
    const { mode, dev } = lstatSync(folder);
    if (dev !== start?.dev) {
      throw new BuilderError(
        'store-corrupt',
        `Cannot remove "${folder}": another file system is mounted there`,
        {
          hint: `Unmount it: umount "${folder}"`,
        },
      );
    }
    // Without read permission it can't be listed, without write and search permission not emptied.
    if ((mode & 0o700) !== 0o700) chmodSync(folder, 0o700);
    return readdirSync(folder, { withFileTypes: true });
  }
}

function ignoringAbsence<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
