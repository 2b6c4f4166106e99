import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceTree } from '../../src/app/source-tree.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';

async function makeSource(path: string): Promise<void> {
  await mkdir(join(path, 'sub'), { recursive: true });
  await writeFile(join(path, 'main.go'), 'package main\n');
  await writeFile(join(path, 'sub/run'), '#!/bin/sh\n', { mode: 0o755 });
  await symlink('../main.go', join(path, 'sub/link'));
}

describe('sourceTree()', () => {
  it('gives the same digest and copy whatever modes, times and place are', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')];
    await makeSource(one);
    await makeSource(two);
    await chmod(join(two, 'main.go'), 0o600);
    await chmod(join(two, 'sub'), 0o700);
    await utimes(join(two, 'main.go'), 1, 1);
    const [first, second] = [await sourceTree(store, one), await sourceTree(store, two)];
    expect(second).toEqual(first);
    const copy = await stat(join(first.path, 'main.go'));
    expect([copy.mode & 0o777, copy.mtimeMs]).toEqual([0o644, 1704067200_000]);
    expect((await stat(join(first.path, 'sub/run'))).mode & 0o777).toBe(0o755);
    expect(await readFile(join(first.path, 'sub/link'), 'utf8')).toBe('package main\n');
  });

  const changes: [what: string, change: (path: string) => Promise<unknown>][] = [
    ['content', (path) => writeFile(join(path, 'main.go'), 'package Main\n')],
    ['a new file', (path) => writeFile(join(path, 'new'), '')],
    ['an empty folder', (path) => mkdir(join(path, 'new'))],
    ['what may be run', (path) => chmod(join(path, 'main.go'), 0o755)],
  ];
  it.each(changes)('gives another digest after a change of %s', async (_what, change) => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const source = join(folder.path, 'source');
    await makeSource(source);
    const before = await sourceTree(store, source);
    await change(source);
    expect((await sourceTree(store, source)).digest).not.toBe(before.digest);
  });

  it('leaves out version control, fetched packages and what altee wrote', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const source = join(folder.path, 'source');
    await makeSource(source);
    const before = await sourceTree(store, source);
    for (const name of ['.git', 'dist', '.altee', 'node_modules', 'sub/node_modules', 'sub/.git']) {
      await mkdir(join(source, name));
      await writeFile(join(source, name, 'file'), name);
    }
    await writeFile(join(source, 'altee.yaml'), 'x');
    const after = await sourceTree(store, source, (path) => path === 'altee.yaml');
    expect(after).toEqual(before);
    await mkdir(join(source, 'sub/dist'));
    expect(await readdir(join((await sourceTree(store, source)).path, 'sub'))).toContain('dist');
  });

  const links: [what: string, target: string, message: string][] = [
    ['an absolute link', '/etc/passwd', 'it links to the absolute path "/etc/passwd"'],
    ['a link out of the folder', '../../outside', 'which is outside of the folder'],
    ['a link to nothing', 'nothing', 'it links to "nothing", where nothing is'],
    ['a link to itself', 'bad', 'it links to "bad", where nothing is'],
    // Read without the file system this stays inside: self is the folder itself.
    ['a link that leaves by way of another link', 'self/self/../outside', 'which is outside of the folder'],
  ];
  it.each(links)('refuses %s', async (_what, target, message) => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const source = join(folder.path, 'source');
    await makeSource(source);
    await writeFile(join(folder.path, 'outside'), '');
    await symlink('.', join(source, 'self'));
    await symlink(target, join(source, target === '../../outside' ? 'sub/bad' : 'bad'));
    await expect(sourceTree(store, source)).rejects.toMatchObject({
      code: 'app-unusable',
      message: expect.stringContaining(message),
    });
  });

  it('refuses a FIFO instead of waiting for it', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const source = join(folder.path, 'source');
    await makeSource(source);
    execFileSync('mkfifo', [join(source, 'pipe')]);
    await expect(sourceTree(store, source)).rejects.toMatchObject({
      code: 'app-unusable',
      message: expect.stringContaining('"pipe"'),
    });
  });

  it('refuses a name that is not UTF-8', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const file = Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0xff, 0xfe])]);
    await writeFile(file, '');
    await expect(sourceTree(store, folder.path, (path) => path === 'store')).rejects.toMatchObject({
      code: 'app-unusable',
      message: expect.stringContaining('its name is not UTF-8'),
    });
    await unlink(file);
  });

  it('refuses more than 1 GiB before it reads it', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const source = join(folder.path, 'source');
    await makeSource(source);
    execFileSync('truncate', ['--size', '2G', join(source, 'sparse')]);
    await expect(sourceTree(store, source)).rejects.toMatchObject({
      code: 'app-unusable',
      message: expect.stringContaining('the folder holds more than 1 GiB'),
    });
  });

  it('says which folder is not there', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    await expect(sourceTree(store, join(folder.path, 'nowhere'))).rejects.toMatchObject({
      code: 'invalid-input',
      message: `Cannot read the source folder "${join(folder.path, 'nowhere')}" (ENOENT)`,
    });
  });
});
