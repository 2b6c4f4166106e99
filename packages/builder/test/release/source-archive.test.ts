import { createWriteStream } from 'node:fs';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { entriesBelow, unpackSourceArchive, writeSourceArchive } from '../../src/release/source-archive.ts';
import { tempFolder } from '../temp.ts';

const TIME = new Date('2026-11-21T04:55:42Z');

async function someSource(folder: string): Promise<void> {
  await mkdir(join(folder, 'lib/empty'), { recursive: true });
  await writeFile(join(folder, 'lib/a'), 'a');
  await writeFile(join(folder, 'Müller 日本'), 'umlaut');
  await writeFile(join(folder, `${'long'.repeat(50)}.c`), 'long');
  await writeFile(join(folder, 'run'), '#!/bin/sh\n', { mode: 0o755 });
  await symlink('lib/a', join(folder, 'link'));
}

describe('writeSourceArchive()', () => {
  it('gives the same bytes for the same entries in any order, at any time', async () => {
    await using temp = await tempFolder();
    const source = join(temp.path, 'source');
    await mkdir(source);
    await someSource(source);
    const entries = await entriesBelow(source, 'src/app');
    await writeSourceArchive(join(temp.path, 'a.tar'), entries, TIME);
    await utimes(join(source, 'run'), 1, 1);
    await writeSourceArchive(join(temp.path, 'b.tar'), entries.toReversed(), TIME);
    expect(await readFile(join(temp.path, 'a.tar'))).toEqual(await readFile(join(temp.path, 'b.tar')));
  });

  it('gives back what unpackSourceArchive() unpacks', async () => {
    await using temp = await tempFolder();
    const [source, out] = [join(temp.path, 'source'), join(temp.path, 'out')];
    await mkdir(source);
    await mkdir(out);
    await someSource(source);
    await chmod(join(source, 'lib/a'), 0o600);
    await writeSourceArchive(join(temp.path, 'a.tar'), await entriesBelow(source, '.'), TIME);
    await unpackSourceArchive(join(temp.path, 'a.tar'), out, []);
    expect((await readdir(out, { recursive: true })).sort()).toEqual(
      (await readdir(source, { recursive: true })).sort(),
    );
    expect(await readlink(join(out, 'link'))).toBe('lib/a');
    expect((await stat(join(out, 'run'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(out, 'lib/a'))).mode & 0o777).toBe(0o644);
  });
});

describe('unpackSourceArchive()', () => {
  const folder = (name: string): Parameters<Pack['entry']>[0] => ({ name: `${name}/`, type: 'directory' });
  const link = (name: string, linkname: string): Parameters<Pack['entry']>[0] => ({
    name,
    type: 'symlink',
    linkname,
  });
  const hostile: readonly (readonly [what: string, entries: readonly Parameters<Pack['entry']>[0][]])[] = [
    ['an absolute path', [{ name: '/etc/passwd' }]],
    ['".."', [{ name: '../x' }]],
    ['".." inside', [folder('a'), { name: 'a/../../x' }]],
    ['"."', [{ name: './x' }]],
    ['a backslash', [{ name: 'a\\b' }]],
    ['a control character', [{ name: 'a\nb' }]],
    ['a file in no folder', [{ name: 'a/b' }]],
    ['a file below a link', [link('a', '/tmp'), { name: 'a/b' }]],
    ['a folder in place of a link', [link('a', 'b'), folder('a')]],
    ['a path twice', [{ name: 'a' }, { name: 'a' }]],
    ['a link to an absolute path', [link('a', '/etc')]],
    ['a link that leads out', [folder('b'), link('b/a', '../../etc')]],
    ['a hard link', [{ name: 'a' }, { name: 'b', type: 'link', linkname: 'a' }]],
    ['a device', [{ name: 'a', type: 'character-device', devmajor: 1, devminor: 3 }]],
    ['a pipe', [{ name: 'a', type: 'fifo' }]],
    ['a file of the release', [{ name: 'altee.lock' }]],
  ];

  it.each(hostile)('refuses %s', async (_what, entries) => {
    await using temp = await tempFolder();
    const [file, out] = [join(temp.path, 'x.tar'), join(temp.path, 'out/inner')];
    await mkdir(out, { recursive: true });
    const tar = pack();
    for (const entry of entries) tar.entry({ ...entry, mode: 0o755 }, '');
    tar.finalize();
    await pipeline(tar, createWriteStream(file));
    await expect(unpackSourceArchive(file, out, ['altee.yaml', 'altee.lock'])).rejects.toMatchObject({
      code: 'archive-hostile',
    });
    expect(await readdir(join(temp.path, 'out'))).toEqual(['inner']);
  });

  it('refuses what is no tar archive, and one that was cut off', async () => {
    await using temp = await tempFolder();
    const [file, out] = [join(temp.path, 'x.tar'), join(temp.path, 'out')];
    await mkdir(out);
    await writeFile(file, 'x'.repeat(2048));
    await expect(unpackSourceArchive(file, out, [])).rejects.toMatchObject({ code: 'archive-malformed' });
    const tar = pack();
    tar.entry({ name: 'a' }, 'x'.repeat(4096));
    tar.finalize();
    await pipeline(tar, createWriteStream(file));
    await writeFile(file, (await readFile(file)).subarray(0, 2048));
    await expect(unpackSourceArchive(file, out, [])).rejects.toMatchObject({ code: 'archive-malformed' });
  });
});
