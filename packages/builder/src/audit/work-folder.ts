import { lstat, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BuilderError } from '../error.ts';
import { ownFolder, sweepDeadFolders } from '../store/own-folder.ts';
import { removeTree } from '../store/remove-tree.ts';

/**
 * A folder of this process for the rebuilds, which other users can pass through but not list: one of them may be another
 * user's. What audits that were killed left is removed. `base` should be on a disk: a kernel takes some gigabytes.
 */
export async function auditFolder(
  base: string = process.env['TMPDIR'] || '/var/tmp',
): Promise<{ path: string; dispose(): Promise<void> }> {
  const uid = process.getuid?.() ?? 0;
  const parent = join(resolve(base), `altee-audit-${uid}`);
  try {
    await mkdir(parent, { recursive: true, mode: 0o711 });
    const found = await lstat(parent);
    // Somebody else may have been first in a folder that all can write to.
    if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o022) !== 0)
      throw new Error("it is not this user's own folder");
    await sweepDeadFolders(parent);
    const path = ownFolder(parent);
    return { path, dispose: () => removeTree(path) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BuilderError('invalid-input', `Cannot use "${parent}" for the rebuilds: ${why}`, {
      hint: 'Let --work-dir name a folder that you can write to, on a disk with some free gigabytes',
      cause,
    });
  }
}
