import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { writeCpio } from '../../src/image/cpio.ts';
import type { CpioEntry, CpioFile } from '../../src/image/cpio-entry.ts';
import { archiveOf } from './collect.ts';
import { judge } from './judge.ts';
import { readCpio } from './read-cpio.ts';

const entries: CpioEntry[] = [
  { kind: 'file', path: 'init', mode: 0o500, source: Buffer.from('#!') },
  { kind: 'directory', path: 'dev', mode: 0o755 },
  { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
  { kind: 'block-device', path: 'dev/vda', mode: 0o660, major: 254, minor: 0, gid: 6 },
  { kind: 'directory', path: 'tmp', mode: 0o1777 },
  { kind: 'symlink', path: 'lib', target: 'usr/lib' },
  { kind: 'file', path: 'dev/ä', mode: 0o644, source: new Uint8Array(), uid: 1000, gid: 0xffff_ffff },
];

describe('writeCpio()', () => {
  it('writes kind, mode, owner, device and content of each entry', async () => {
    const { entries: read, trailer } = readCpio(await archiveOf(entries));
    expect(
      read.map(({ name, mode, uid, gid, rdev, data }) => [name, mode, uid, gid, rdev, data.toString()]),
    ).toEqual([
      ['dev', 0o040755, 0, 0, [0, 0], ''],
      ['dev/console', 0o020600, 0, 0, [5, 1], ''],
      ['dev/vda', 0o060660, 0, 6, [254, 0], ''],
      ['dev/ä', 0o100644, 1000, 0xffff_ffff, [0, 0], ''],
      ['init', 0o100500, 0, 0, [0, 0], '#!'],
      ['lib', 0o120777, 0, 0, [0, 0], 'usr/lib'],
      ['tmp', 0o041777, 0, 0, [0, 0], ''],
    ]);
    expect(trailer).toMatchObject({ inode: 0, mode: 0, nlink: 1, mtime: 0 });
  });

  it('numbers inodes from 1 and says time 0 and no hard links', async () => {
    const { entries: read } = readCpio(await archiveOf(entries));
    expect(read.map(({ inode }) => inode)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(read.every(({ mtime }) => mtime === 0)).toBe(true);
    expect(read.map(({ nlink }) => nlink)).toEqual([2, 1, 1, 1, 1, 1, 2]);
  });

  it('gives the same bytes for the same entries in any order', async () => {
    expect(await archiveOf([...entries].reverse())).toEqual(await archiveOf(entries));
  });

  it('puts a directory before its content even where another name sorts between them', async () => {
    const { entries: read } = readCpio(
      await archiveOf([
        { kind: 'file', path: 'a/b', mode: 0o644, source: new Uint8Array() },
        { kind: 'file', path: 'a-b', mode: 0o644, source: new Uint8Array() },
        { kind: 'directory', path: 'a', mode: 0o755 },
      ]),
    );
    expect(read.map(({ name }) => name)).toEqual(['a', 'a-b', 'a/b']);
  });

  it('gives back, when read, what was written', async () => {
    const name = fc
      .stringMatching(/^[a-zA-Z0-9 _.ä€-]{1,12}$/)
      .filter((text) => text !== '.' && text !== '..');
    const file = fc.record({
      name,
      mode: fc.integer({ min: 0, max: 0o7777 }),
      data: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(file, { selector: (each) => each.name, maxLength: 8 }),
        async (files) => {
          const archive = await archiveOf(
            files.map((each) => ({ kind: 'file', path: each.name, mode: each.mode, source: each.data })),
          );
          const read = readCpio(archive).entries.map((each) => [
            each.name,
            each.mode & 0o7777,
            [...each.data],
          ]);
          const wanted = files.map((each) => [each.name, each.mode, [...each.data]]);
          const byName = ([a]: unknown[], [b]: unknown[]) =>
            Buffer.compare(Buffer.from(`${a}`), Buffer.from(`${b}`));
          expect(read).toEqual(wanted.sort(byName));
        },
      ),
    );
  });

  const hostile: [string, CpioEntry[], RegExp][] = [
    ['an absolute path', [file('/etc')], /"\/etc" is absolute/],
    ['an empty path', [file('')], /is empty/],
    ['".."', [dir('a'), file('a/../b')], /component/],
    ['"."', [file('./a')], /component/],
    ['a double slash', [dir('a'), file('a//b')], /component/],
    ['a trailing slash', [dir('a/')], /component/],
    ['a NUL', [file('a\0b')], /holds a NUL/],
    ['half a surrogate pair', [file('a\ud800')], /not Unicode/],
    ['the trailer as a name', [file('TRAILER!!!')], /ends an archive/],
    ['a component of 256 bytes', [file('ä'.repeat(128))], /more than 255 bytes/],
    ['a path of 4096 bytes', deep(), /more than 4095 bytes/],
    ['a path twice', [file('a'), dir('a')], /"a" is there twice/],
    ['a missing parent', [file('a/b')], /parent "a", which is not there/],
    [
      'a parent that is a link',
      [{ kind: 'symlink', path: 'a', target: '/' }, file('a/b')],
      /which is symlink/,
    ],
    ['a file as parent', [file('a'), file('a/b')], /which is file/],
    ['a mode with a type', [{ ...file('a'), mode: 0o100644 }], /mode 33188/],
    ['a negative owner', [{ ...file('a'), uid: -1 }], /uid -1/],
    ['an owner of 33 bits', [{ ...file('a'), gid: 2 ** 32 }], /gid 4294967296/],
    ['a fraction', [{ ...file('a'), mode: 0.5 }], /mode 0.5/],
    [
      'a device number too large',
      [{ kind: 'block-device', path: 'a', mode: 0, major: 4096, minor: 0 }],
      /major 4096/,
    ],
    ['an empty link', [{ kind: 'symlink', path: 'a', target: '' }], /no usable target/],
    ['a link with a NUL', [{ kind: 'symlink', path: 'a', target: 'b\0' }], /no usable target/],
  ];
  it.each(hostile)('refuses %s', async (_, list, message) => {
    const error = await archiveOf(list).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BuilderError);
    expect(error).toMatchObject({ code: 'image-invalid', message: expect.stringMatching(message) });
  });

  describe('with files on disk', () => {
    let folder = '';
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'altee-test-'));
    });
    afterEach(() => rm(folder, { recursive: true }));
    const big = () => ({ kind: 'file', path: 'big', mode: 0o755, source: join(folder, 'big') }) as const;

    it('streams them in chunks of at most 1 MiB', async () => {
      const content = Buffer.alloc(3_500_001, 'altee');
      await writeFile(big().source, content);
      const sizes: number[] = [];
      for await (const chunk of writeCpio([big()])) sizes.push(chunk.length);
      expect(Math.max(...sizes)).toBe(1 << 20);
      expect(readCpio(await archiveOf([big()])).entries[0]?.data.equals(content)).toBe(true);
    });

    it("doesn't show the file's own mode, times, umask, time zone or folder", async () => {
      await writeFile(big().source, 'x');
      const before = await archiveOf([big()]);
      await chmod(big().source, 0o600);
      await utimes(big().source, 1, 1);
      const [umask, zone, cwd] = [process.umask(0o077), process.env['TZ'], process.cwd()];
      try {
        process.env['TZ'] = 'Pacific/Chatham';
        process.chdir(folder);
        expect(await archiveOf([big()])).toEqual(before);
      } finally {
        process.chdir(cwd);
        if (zone === undefined) delete process.env['TZ'];
        else process.env['TZ'] = zone;
        process.umask(umask);
      }
    });

    it('names a file that is missing', async () => {
      await expect(archiveOf([big()])).rejects.toThrow(
        `Cannot put "${big().source}" into the initramfs as "/big": there is no such file`,
      );
    });

    it('refuses a directory in place of a file', async () => {
      await mkdir(big().source);
      await expect(archiveOf([big()])).rejects.toThrow(/not a regular file/);
    });

    it('refuses a file of 4 GiB before reading it', async () => {
      const file = await open(big().source, 'w');
      await file.truncate(2 ** 32);
      await file.close();
      await expect(archiveOf([big()])).rejects.toThrow(/4 GiB or more/);
    });

    it.each([
      ['shrinks', /lost its last 2097151 bytes/, (path: string) => truncate(path, (1 << 20) + 1)],
      ['grows', /grew while it was read/, (path: string) => appendFile(path, 'x')],
    ])('refuses a file that %s while it is read', async (_, message, change) => {
      await writeFile(big().source, Buffer.alloc(3 << 20));
      const chunks = writeCpio([big()]);
      await chunks.next();
      await change(big().source);
      const rest = async () => {
        for await (const _chunk of chunks);
      };
      await expect(rest()).rejects.toThrow(message);
    });

    it('refuses a file that vanishes before its turn', async () => {
      await writeFile(big().source, 'x');
      const chunks = writeCpio([{ kind: 'directory', path: 'a', mode: 0o755 }, big()]);
      await chunks.next();
      await unlink(big().source);
      const rest = async () => {
        for await (const _chunk of chunks);
      };
      await expect(rest()).rejects.toThrow(/no such file/);
    });

    const cpio = judge('cpio');
    it.skipIf(cpio === undefined)('writes what GNU cpio lists and unpacks', async () => {
      const archive = await archiveOf([
        dirEntry('app'),
        { kind: 'file', path: 'app/hello', mode: 0o755, source: Buffer.from('hello\n') },
        { kind: 'symlink', path: 'app/link', target: 'hello' },
        ...entries.filter(({ kind, path }) => path === 'dev' || path === 'dev/console' || kind === 'symlink'),
      ]);
      const listing = await cpio?.run(['-itv', '--quiet'], { input: archive });
      expect(listing?.code).toBe(0);
      expect(listing?.text).toMatch(/^crw------- +1 root +root +5, +1 Jan +1 +1970 dev\/console$/m);
      expect(listing?.text).toMatch(/^lrwxrwxrwx .* app\/link -> hello$/m);
      const unpacked = await cpio?.run(['-id', '--quiet', 'app/*'], { cwd: folder, input: archive });
      expect(unpacked).toEqual({ code: 0, text: '' });
      expect(await readFile(join(folder, 'app/link'), 'utf8')).toBe('hello\n');
    });
  });
});

function file(path: string): CpioFile {
  return { kind: 'file', path, mode: 0o644, source: new Uint8Array() };
}

function dir(path: string): CpioEntry {
  return dirEntry(path);
}

function dirEntry(path: string): CpioEntry {
  return { kind: 'directory', path, mode: 0o755 };
}

function deep(): CpioEntry[] {
  const part = 'd'.repeat(255);
  return Array.from({ length: 17 }, (_, i) =>
    dirEntry(
      Array(i + 1)
        .fill(part)
        .join('/'),
    ),
  );
}
