import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkOutDir, defaultOutDir, writeDist } from '../src/dist.ts';
import { tempFolder } from './temp.ts';

describe('checkOutDir()', () => {
  it('takes what is not there, an empty folder, and one that altee wrote', async () => {
    await using folder = await tempFolder();
    const out = join(folder.path, 'a/b');
    await checkOutDir(out);
    await mkdir(out, { recursive: true });
    await checkOutDir(out);
    for (const content of ['one', 'two']) {
      await writeDist(out, async (made) => {
        for (const name of ['measurements.json', 'kernel.config']) await made.write(name, content);
      });
      await checkOutDir(out);
    }
    expect((await readdir(out)).sort()).toEqual(['SHA256SUMS', 'kernel.config', 'measurements.json']);
  });

  it("refuses somebody's downloads, though they have SHA256SUMS", async () => {
    await using folder = await tempFolder();
    for (const name of ['SHA256SUMS', 'debian-13.iso']) await writeFile(join(folder.path, name), '');
    await expect(checkOutDir(folder.path)).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(writeDist(folder.path, async () => {})).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await readdir(folder.path)).toHaveLength(2);
  });
});

describe('defaultOutDir()', () => {
  it('is in the manifest\'s folder, whether there is a "dist" or a link to a folder of the project', async () => {
    await using folder = await tempFolder();
    const expected = join(folder.path, 'dist/hello');
    expect(await defaultOutDir(folder.path, 'hello')).toBe(expected);
    await mkdir(join(folder.path, 'built'));
    await symlink('built', join(folder.path, 'dist'));
    expect(await defaultOutDir(folder.path, 'hello')).toBe(expected);
  });

  it.each(['../home', '../project-2', '../nothing', '/'])(
    'refuses a "dist" that links to %s',
    async (target) => {
      await using folder = await tempFolder();
      const project = join(folder.path, 'project');
      for (const name of ['project', 'project-2', 'home']) await mkdir(join(folder.path, name));
      await symlink(target, join(project, 'dist'));
      await expect(defaultOutDir(project, 'hello')).rejects.toMatchObject({ code: 'invalid-input' });
    },
  );
});
