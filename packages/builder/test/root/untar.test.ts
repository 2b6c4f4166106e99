import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { untar } from '../../src/root/untar.ts';
import { tempFolder } from '../temp.ts';
import { gnuLong, pax, type TarEntry, tarOf } from './make-deb.ts';

const limits = { bytes: 1_000_000, entries: 100 };

async function unpack(dir: string, entries: readonly TarEntry[]) {
  return untar(Readable.from([tarOf(entries)]), dir, 'some.deb', limits);
}

describe('untar()', () => {
  it('makes and lists directories, files, symbolic links and hard links', async () => {
    await using dir = await tempFolder();
    const listed = await unpack(dir.path, [
      { name: './', type: '5' },
      { name: './usr/bin/', type: '5', mode: 0o700 },
      { name: './usr/bin/tool', mode: 0o700, content: 'x' },
      { name: './usr/bin/alias', type: '2', link: 'tool' },
      { name: './usr/bin/twin', type: '1', link: './usr/bin/tool' },
      { name: './etc/empty', mode: 0o600 },
    ]);
    const sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
    expect(listed).toEqual([
      { type: 'directory', path: 'usr', mode: '755' },
      { type: 'directory', path: 'usr/bin', mode: '755' },
      { type: 'file', path: 'usr/bin/tool', mode: '755', size: 1, sha256 },
      { type: 'symlink', path: 'usr/bin/alias', target: 'tool' },
      { type: 'file', path: 'usr/bin/twin', mode: '755', size: 1, sha256 },
      { type: 'directory', path: 'etc', mode: '755' },
      {
        type: 'file',
        path: 'etc/empty',
        mode: '644',
        size: 0,
        sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      },
    ]);
    expect(readFileSync(join(dir.path, 'usr/bin/tool'), 'utf8')).toBe('x');
    expect(statSync(join(dir.path, 'usr/bin/tool')).mode & 0o7777).toBe(0o555);
    expect(statSync(join(dir.path, 'etc/empty')).mode & 0o7777).toBe(0o444);
    expect(statSync(join(dir.path, 'usr/bin/twin')).ino).toBe(statSync(join(dir.path, 'usr/bin/tool')).ino);
    expect(readlinkSync(join(dir.path, 'usr/bin/alias'))).toBe('tool');
  });

  it('drops set-ID and sticky bits', async () => {
    await using dir = await tempFolder();
    await unpack(dir.path, [
      { name: 'su', mode: 0o6755, content: 'x' },
      { name: 'tmp', type: '5', mode: 0o7777 },
    ]);
    expect(lstatSync(join(dir.path, 'su')).mode & 0o7777).toBe(0o555);
    expect(lstatSync(join(dir.path, 'tmp')).mode & 0o7777).toBe(0o755);
  });

  it('puts what is below bin, sbin, lib and lib64 below usr', async () => {
    await using dir = await tempFolder();
    const listed = await unpack(dir.path, [
      { name: './lib', type: '2', link: 'usr/lib' },
      { name: './bin/', type: '5' },
      { name: './bin/sh', content: 'x' },
      { name: './lib64/ld.so', type: '2', link: '../lib/ld.so' },
      { name: './bin/bash', type: '1', link: 'bin/sh' },
    ]);
    expect(listed.map(({ path }) => path)).toEqual([
      'usr',
      'usr/bin',
      'usr/bin/sh',
      'usr/lib64',
      'usr/lib64/ld.so',
      'usr/bin/bash',
    ]);
  });

  it('reads long names of pax and GNU tar', async () => {
    await using dir = await tempFolder();
    const long = `${'d'.repeat(120)}/${'f'.repeat(120)}`;
    const listed = await unpack(dir.path, [
      pax({ path: `${long}-é`, mtime: '1.5' }),
      { name: 'short', content: 'x' },
      gnuLong('L', `./${long}`),
      gnuLong('K', long),
      { name: 'short', type: '2', link: 'short' },
    ]);
    expect(listed.slice(1)).toMatchObject([
      { path: `${long}-é`, size: 1 },
      { path: long, target: long },
    ]);
  });

  it('writes files that are larger than the stream’s chunks', async () => {
    await using dir = await tempFolder();
    const content = Buffer.from(Array.from({ length: 300_001 }, (_, index) => index % 251));
    const tar = tarOf([{ name: 'a', content }]);
    const chunks = Array.from({ length: Math.ceil(tar.length / 7001) }, (_, i) =>
      tar.subarray(i * 7001, i * 7001 + 7001),
    );
    await untar(Readable.from(chunks), dir.path, 'some.deb', limits);
    expect(readFileSync(join(dir.path, 'a')).equals(content)).toBe(true);
  });
});

const file: TarEntry = { name: 'file', content: 'x' };
const link: TarEntry = { name: 'link', type: '2', link: '/tmp' };

const hostile: readonly [what: string, entries: readonly TarEntry[], reason: RegExp][] = [
  ['an absolute path', [{ name: '/etc/passwd', content: 'x' }], /absolute path/],
  ['a path with ..', [{ name: 'a/../../b', content: 'x' }], /leads out of the root/],
  ['a path with .. in a pax header', [pax({ path: '../b' }), file], /leads out of the root/],
  ['a path with .. in a GNU long name', [gnuLong('L', '../b'), file], /leads out of the root/],
  [
    'a file through a symbolic link',
    [link, { name: 'link/b', content: 'x' }],
    /is a directory, and a symlink/,
  ],
  ['a directory over a symbolic link', [link, { name: 'link/', type: '5' }], /is a directory, and a symlink/],
  [
    'a link through a symbolic link',
    [link, { name: 'link/b', type: '2', link: 'x' }],
    /is a directory, and a symlink/,
  ],
  ['a file over a symbolic link', [link, { name: 'link', content: 'x' }], /"link" is in it twice/],
  ['a file below a file', [file, { name: 'file/b', content: 'x' }], /is a directory, and a file/],
  [
    'a relative link out of the root',
    [{ name: 'a/b', type: '2', link: '../../etc' }],
    /leads out of the root/,
  ],
  [
    'an absolute link out of the root',
    [{ name: 'a/b', type: '2', link: '/../etc' }],
    /leads out of the root/,
  ],
  [
    'a link that leaves the root and returns',
    [{ name: 'a', type: '2', link: '../etc/x' }],
    /leads out of the root/,
  ],
  ['a link without a target', [{ name: 'a', type: '2' }], /no target/],
  [
    'a link in place of /usr/bin',
    [{ name: 'bin', type: '2', link: 'elsewhere' }],
    /is a directory in every root/,
  ],
  ['a file in place of /lib', [{ name: 'lib', content: 'x' }], /is a directory in every root/],
  ['a file in place of the root', [{ name: './', content: 'x' }], /is a directory in every root/],
  ['a hard link out of the root', [{ name: 'a', type: '1', link: '/etc/shadow' }], /absolute path/],
  ['a hard link to nothing', [{ name: 'a', type: '1', link: 'b' }], /no file of the archive before it/],
  [
    'a hard link to a symbolic link',
    [link, { name: 'a', type: '1', link: 'link' }],
    /no file of the archive/,
  ],
  [
    'a hard link to a directory',
    [
      { name: 'd', type: '5' },
      { name: 'a', type: '1', link: 'd' },
    ],
    /no file of the/,
  ],
  [
    'a hard link with content',
    [file, { name: 'a', type: '1', link: 'file', content: 'y' }],
    /link with content/,
  ],
  ['a character device', [{ name: 'null', type: '3' }], /is a character-device/],
  ['a block device', [{ name: 'sda', type: '4' }], /is a block-device/],
  ['a pipe', [{ name: 'pipe', type: '6' }], /is a fifo/],
  ['a contiguous file', [{ name: 'x', type: '7', content: 'x' }], /is a contiguous-file/],
  ['a GNU sparse file', [{ name: 'x', type: 'S', content: 'x' }], /unknown type/],
  ['a pax sparse file', [pax({ 'GNU.sparse.major': '1' }), file], /sparse/],
  ['a file twice', [file, file], /twice/],
  ['a control character', [{ name: 'a\nb', content: 'x' }], /control character/],
  ['a NUL from a pax header', [pax({ path: 'a\0b' }), file], /control character/],
  ['a name that is not UTF-8', [pax({ path: 'a\ufffd' }), file], /not UTF-8/],
  ['a link target with a tab', [{ name: 'a', type: '2', link: 'b\tc' }], /control character/],
  ['a name of 256 bytes', [pax({ path: 'n'.repeat(256) }), file], /longer than a file system allows/],
  ['a path of 5000 bytes', [pax({ path: 'n/'.repeat(2500) }), file], /longer than a file system allows/],
  [
    'too many entries',
    Array.from({ length: 101 }, (_, i) => ({ name: `d${i}`, type: '5' })),
    /more than 100 entries/,
  ],
  ['too many bytes', [{ name: 'a', content: Buffer.alloc(1_000_001) }], /above 1000000 bytes/],
  ['a size of terabytes', [{ name: 'a', size: '77777777777\0' }], /above 1000000 bytes/],
  ['a binary size of 2^64', [{ name: 'a', size: '\x80\0\0\x01\0\0\0\0\0\0\0\0' }], /above 1000000 bytes/],
  ['a pax size of petabytes', [pax({ size: '1125899906842624' }), file], /above 1000000 bytes/],
];

const malformed: readonly [what: string, tar: Uint8Array][] = [
  ['is no tar archive', Buffer.alloc(10_240, 'x')],
  ['ends within a header', tarOf([file]).subarray(0, 300)],
  ['ends within a file', tarOf([{ name: 'a', content: 'x'.repeat(5000) }]).subarray(0, 3000)],
  ['has a negative size', tarOf([{ name: 'a', size: `${'\xff'.repeat(11)}\xfe` }])],
  ['has a size that is no number', tarOf([pax({ size: 'many' }), file])],
  ['has a wrong checksum', Buffer.from(tarOf([file]).fill('y', 0, 1))],
];

describe('untar() refuses', () => {
  it.each(hostile)('%s', async (_, entries, reason) => {
    await using dir = await tempFolder();
    const target = join(dir.path, 'target');
    await mkdir(target);
    await expect(unpack(target, entries)).rejects.toMatchObject({
      code: 'archive-hostile',
      message: expect.stringMatching(reason),
    });
    // Nothing was written beside the folder.
    expect(await readdir(dir.path)).toEqual(['target']);
  });

  it.each(malformed)('what %s', async (_, tar) => {
    await using dir = await tempFolder();
    await expect(untar(Readable.from([tar]), dir.path, 'some.deb', limits)).rejects.toMatchObject({
      code: 'archive-malformed',
    });
  });

  it('an archive that never ends', async () => {
    await using dir = await tempFolder();
    const [header = Buffer.alloc(0)] = [tarOf([{ name: 'a', size: '00003000000\0' }]).subarray(0, 512)];
    let given = 0;
    async function* endless() {
      yield header;
      for (;;) {
        given += 65_536;
        yield Buffer.alloc(65_536);
      }
    }
    const unpacking = untar(Readable.from(endless()), dir.path, 'some.deb', { ...limits, entries: 5 });
    // After the file of 768 KiB the stream goes on with empty blocks for ever.
    const stopped = await Promise.race([
      unpacking.then(
        () => 'ended',
        () => 'refused',
      ),
      new Promise((resolve) => setTimeout(resolve, 3000, 'still reading')),
    ]);
    expect(stopped).toBe('refused');
    expect(given).toBeLessThan(100_000_000);
    expect(readdirSync(dir.path)).toEqual(['a']);
  });
});
