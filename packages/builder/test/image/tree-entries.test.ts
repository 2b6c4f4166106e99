import { chmod, mkdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { treeEntries } from '../../src/image/tree-entries.ts';
import { archiveOf } from './collect.ts';
import { judge } from './judge.ts';
import { scratch } from './scratch.ts';

async function tree(mode: number): Promise<string> {
  const folder = await scratch();
  await mkdir(join(folder, 'lib'));
  await writeFile(join(folder, 'hello'), 'hello', { mode: 0o755 });
  await writeFile(join(folder, 'lib/data'), 'data');
  await chmod(join(folder, 'lib/data'), mode);
  await symlink('../hello', join(folder, 'lib/link'));
  return folder;
}

describe('treeEntries()', () => {
  it('gives files, directories and links below the prefix, all of root', async () => {
    const entries = await treeEntries(await tree(0o644), 'app');
    expect(
      entries.map((entry) => [entry.kind, entry.path, entry.kind === 'symlink' ? entry.target : entry.mode]),
    ).toEqual(
      expect.arrayContaining([
        ['file', 'app/hello', 0o755],
        ['directory', 'app/lib', 0o755],
        ['file', 'app/lib/data', 0o644],
        ['symlink', 'app/lib/link', '../hello'],
      ]),
    );
    expect(entries).toHaveLength(4);
  });

  it("doesn't show modes that come from the builder's habits", async () => {
    const root = [{ kind: 'directory', path: 'app', mode: 0o755 }] as const;
    const one = await archiveOf([...root, ...(await treeEntries(await tree(0o644), 'app'))]);
    const two = await archiveOf([...root, ...(await treeEntries(await tree(0o4600), 'app'))]);
    expect(one.equals(two)).toBe(true);
  });

  it('refuses a FIFO', async () => {
    const folder = await scratch();
    await judge('mkfifo')?.run([join(folder, 'pipe')]);
    await expect(treeEntries(folder, 'app')).rejects.toMatchObject({ code: 'app-unusable' });
  });

  it('refuses a name that is not UTF-8', async () => {
    const folder = await scratch();
    const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff])]);
    await writeFile(path, '');
    await expect(treeEntries(folder, 'app')).rejects.toThrow(/not UTF-8/);
    await unlink(path);
  });
});
