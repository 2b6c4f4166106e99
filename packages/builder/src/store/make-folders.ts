import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, ifPresent } from './errno.ts';

/**
 * Makes a folder and those above it that are missing. Node's own `recursive` never ends where the system says of a
 * folder whose parent is there that it has none, as /proc does.
 */
export async function makeFolders(folder: string): Promise<void> {
  if ((await ifPresent(stat(folder))) !== undefined || folder === dirname(folder)) return;
  await makeFolders(dirname(folder));
  try {
    await mkdir(folder);
  } catch (error) {
    // Somebody else was faster; what cannot be one is found out when it is used.
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
