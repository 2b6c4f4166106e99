import { existsSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../src/store/remove-tree.ts';
import { tempFolder } from '../temp.ts';

describe('removeTree()', () => {
  it('removes read-only folders and the links in them, not what the links lead to', async () => {
    await using dir = await tempFolder();
    await mkdir(join(dir.path, 'a/b'), { recursive: true });
    await writeFile(join(dir.path, 'precious'), '');
    await symlink(dir.path, join(dir.path, 'a/b/link'));
    await chmod(join(dir.path, 'a/b'), 0);
    await removeTree(join(dir.path, 'a'));
    expect(existsSync(join(dir.path, 'a'))).toBe(false);
    expect(existsSync(join(dir.path, 'precious'))).toBe(true);
  });

  it('removes a link itself, and takes absence for success', async () => {
    await using dir = await tempFolder();
    await mkdir(join(dir.path, 'folder'));
    await symlink('folder', join(dir.path, 'link'));
    await removeTree(join(dir.path, 'link'));
    await removeTree(join(dir.path, 'link'));
    expect(existsSync(join(dir.path, 'folder'))).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)('enters no other file system', async ({ skip }) => {
    await using dir = await tempFolder();
    const mount = join(dir.path, 'a/mount');
    await mkdir(mount, { recursive: true });
    const mounted = await execa('mount', ['-t', 'tmpfs', 'altee-test', mount], { reject: false });
    skip(mounted.failed, 'this container may not mount a tmpfs');
    try {
      await writeFile(join(mount, 'precious'), '');
      await expect(removeTree(join(dir.path, 'a'))).rejects.toMatchObject({ code: 'store-corrupt' });
      expect(existsSync(join(mount, 'precious'))).toBe(true);
    } finally {
      await execa('umount', [mount]);
    }
  });
});
