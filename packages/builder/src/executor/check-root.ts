import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import { ENTRY_TOOLS, LOADER, MOUNT_POINTS } from './enter.ts';
import type { Root } from './executor.ts';

/**
 * Throws `lock-invalid` for a root without what brings a process into it, the same under every executor: a root
 * without it is a wrong lock, not a wrong machine.
 */
export async function checkRoot(root: Root): Promise<void> {
  const needed = [LOADER, ...ENTRY_TOOLS.map((tool) => `usr/bin/${tool}`), ...MOUNT_POINTS];
  for (const name of needed) {
    await access(join(root.path, name)).catch(() => {
      throw new BuilderError('lock-invalid', `The root ${root.digest} has no "/${name}"`, {
        hint: 'The toolchain needs the packages util-linux, mount, coreutils and dash: run "altee lock --update"',
      });
    });
  }
}
