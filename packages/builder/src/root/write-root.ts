import { chmodSync, copyFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasCode } from '../store/errno.ts';
import type { MergedEntry } from './merge-packages.ts';

/** Entries between two turns of the event loop. */
const ENTRIES_PER_TURN = 1_000;

/**
 * Makes a root in the empty folder `dir`: files are hard links to the unpacked packages, copies where the file
 * system allows no link. On disk files are 444 or 555, whatever the umask: nobody changes a file of all roots
 * by mistake. (The digest covers 644 and 755, which archives of the root should use.)
 */
export async function writeRoot(dir: string, merged: readonly MergedEntry[]): Promise<void> {
  let count = 0;
  for (const { entry, from } of merged) {
    const place = join(dir, entry.path);
    if (entry.type === 'directory') {
      mkdirSync(place);
      chmodSync(place, Number.parseInt(entry.mode, 8));
    } else if (entry.type === 'symlink') {
      symlinkSync(entry.target, place);
    } else if (from !== undefined && 'path' in from) {
      linkOrCopy(join(from.path, entry.path), place, entry.mode);
    } else {
      writeFileSync(place, from?.content ?? '');
      chmodSync(place, ON_DISK[entry.mode]);
    }
    if (++count % ENTRIES_PER_TURN === 0) await nextTurn();
  }
}

const ON_DISK = { '644': 0o444, '755': 0o555 } as const;

function linkOrCopy(source: string, place: string, mode: '644' | '755'): void {
  try {
    linkSync(source, place);
  } catch (error) {
    if (!hasCode(error, 'EMLINK', 'EPERM', 'EXDEV', 'ENOTSUP')) throw error;
    copyFileSync(source, place);
    chmodSync(place, ON_DISK[mode]);
  }
}
