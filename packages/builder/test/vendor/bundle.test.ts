import { createHash } from 'node:crypto';
import { cp, mkdir, open, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodeLock, type Lock } from '@altee/manifest';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { treeDigest } from '../../src/executor/output-tree.ts';
import { fetchFiles } from '../../src/fetch/fetch-files.ts';
import { type Reporter, silentReporter } from '../../src/report.ts';
import { Store } from '../../src/store/store.ts';
import { bundleIndexOf, encodeBundleIndex, lockedInputs } from '../../src/vendor/bundle-index.ts';
import { openBundle } from '../../src/vendor/open-bundle.ts';
import { openVendors } from '../../src/vendor/open-vendors.ts';
import { fileHeader, paddingOf } from '../../src/vendor/ustar.ts';
import { checkBundleOut, writeBundleFolder, writeBundleTar } from '../../src/vendor/write-bundle.ts';
import { tempFolder } from '../temp.ts';

const files = {
  kernel: 'the kernel source',
  bc: 'a calculator',
  make: 'm'.repeat(3000),
  odd: 'a name with a colon',
};

function sha256Of(data: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function locked(content: string, ...origins: string[]) {
  return { size: content.length, sha256: sha256Of(content), origins };
}

function packageOf(content: string, origin: string): Lock['packages'][string] {
  return { ...locked(content, origin), version: '1', architecture: 'amd64', source: 'x' };
}

const lock: Lock = {
  lockVersion: 1,
  request: sha256Of('request'),
  debian: { snapshot: '20261121T000000Z', indexes: [] },
  kernel: {
    ...locked(files.kernel, 'https://example.org/linux-6.12.tar.xz?x=1', 'debian:pool/linux.tar.xz'),
    line: 'linux-6.12',
    version: '6.12',
    name: 'linux-6.12.tar.xz',
  },
  stub: { package: 'bc', path: 'x', sha256: sha256Of('x') },
  platforms: {},
  roots: { kernel: { packages: ['bc', 'make', 'odd'], digest: sha256Of('root') } },
  packages: {
    bc: packageOf(files.bc, 'debian:pool/main/b/bc/bc_1~rc+b1_amd64.deb'),
    make: packageOf(files.make, 'debian:pool/main/m/make/make_1_amd64.deb'),
    odd: packageOf(files.odd, 'debian:pool/main/o/odd/odd_1%3a2_amd64.deb'),
  },
};

const silentTask = silentReporter.start('');

async function contentsIn(dir: string) {
  const store = await Store.open(join(dir, 'store'));
  for (const content of Object.values(files))
    await store.addFile(sha256Of(content), content.length, (path) => writeFile(path, content));
  return { lock, task: silentTask, pathOf: (sha256: string) => store.filePath(sha256) };
}

/** The bundle as a tar and as a folder. */
async function bundlesIn(dir: string): Promise<{ tar: string; folder: string; bytes: Buffer }> {
  const contents = await contentsIn(dir);
  const [tar, folder] = [join(dir, 'bundle.tar'), join(dir, 'bundle')];
  await writeBundleTar(tar, contents);
  await writeBundleFolder(folder, contents);
  return { tar, folder, bytes: await readFile(tar) };
}

async function refusal(path: string, withLock = true): Promise<BuilderError> {
  const error = await openBundle(path, { reporter: silentReporter, ...(withLock ? { lock } : {}) }).then(
    () => new Error('It was accepted'),
    (error: unknown) => error,
  );
  if (!(error instanceof BuilderError)) throw error;
  return error;
}

function tarOf(members: readonly (readonly [string, string])[]): Buffer {
  const blocks = members.flatMap(([name, content]) => [
    fileHeader(name, content.length),
    Buffer.from(content),
    Buffer.alloc(paddingOf(content.length)),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** The members of the bundle of the lock, by name and content. */
function members(): [string, string][] {
  const bySha256 = new Map(
    [...Object.values(files), encodeLock(lock)].map((content) => [sha256Of(content), content]),
  );
  const index = bundleIndexOf(lock);
  return [
    ['altee-vendor.json', encodeBundleIndex(index)],
    ...index.files.map(({ name, sha256 }): [string, string] => [name, bySha256.get(sha256) ?? '']),
  ];
}

describe('bundleIndexOf()', () => {
  it('names every file of the lock by its name at its first origin, or by its digest', () => {
    expect(bundleIndexOf(lock).files.map(({ name }) => name)).toEqual(
      [
        'altee.lock',
        'bc_1~rc+b1_amd64.deb',
        'linux-6.12.tar.xz',
        'make_1_amd64.deb',
        sha256Of(files.odd).slice('sha256:'.length),
      ].sort(),
    );
    expect(lockedInputs(lock)).toHaveLength(4);
  });

  it('gives a name that is taken, or reserved, to one file only', () => {
    const origins = ['https://example.org/altee.lock'];
    const index = bundleIndexOf({ ...lock, kernel: { ...lock.kernel, origins } });
    expect(index.files.map(({ name }) => name)).toContain(lock.kernel.sha256.slice('sha256:'.length));
  });
});

describe('writeBundleTar()', () => {
  it('gives the same bytes as often as it is asked, which GNU tar unpacks to the folder', async () => {
    await using dir = await tempFolder();
    const { tar, folder, bytes } = await bundlesIn(dir.path);
    const again = join(dir.path, 'again.tar');
    const result = await writeBundleTar(again, await contentsIn(dir.path));
    expect((await readFile(again)).equals(bytes)).toBe(true);
    expect(result).toEqual({ bytes: bytes.length, sha256: sha256Of(bytes) });
    await mkdir(join(dir.path, 'unpacked'));
    await execa('tar', ['-xf', tar, '-C', join(dir.path, 'unpacked')]);
    expect(await treeDigest(join(dir.path, 'unpacked'))).toBe(await treeDigest(folder));
    const listed = await execa('tar', ['--numeric-owner', '--utc', '-tvf', tar]);
    for (const line of listed.stdout.split('\n'))
      expect(line).toMatch(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 /);
    expect((await stat(join(folder, 'altee.lock'))).mtimeMs).toBe(0);
  });

  it('leaves nothing where a file of the store was damaged', async () => {
    await using dir = await tempFolder();
    const contents = await contentsIn(dir.path);
    const path = contents.pathOf(lock.packages['bc']?.sha256 ?? '');
    await rm(path);
    await writeFile(path, 'A calculator');
    for (const write of [writeBundleTar, writeBundleFolder]) {
      await expect(write(join(dir.path, 'out.tar'), contents)).rejects.toMatchObject({
        code: 'store-corrupt',
      });
      expect(await readdir(dir.path)).toEqual(['store']);
    }
  });
});

describe('checkBundleOut()', () => {
  it('allows what is not there and former bundles, nothing else', async () => {
    await using dir = await tempFolder();
    const { tar, folder } = await bundlesIn(dir.path);
    for (const out of [tar, folder, join(dir.path, 'new'), join(dir.path, 'new.tar')])
      await checkBundleOut(out);
    await writeFile(join(dir.path, 'work.tar'), 'my work');
    await mkdir(join(dir.path, 'work'));
    await checkBundleOut(join(dir.path, 'work'));
    await writeFile(join(dir.path, 'work/file'), 'my work');
    for (const out of ['work.tar', 'work', 'bundle.tar/x']) {
      const checked = checkBundleOut(join(dir.path, out));
      if (out.includes('/')) await checked;
      else await expect(checked).rejects.toMatchObject({ code: 'invalid-input' });
    }
  });
});

describe('openBundle()', () => {
  it.each(['tar', 'folder'] as const)(
    'gives each file of a %s by its digest, with and without the lock',
    async (form) => {
      await using dir = await tempFolder();
      const path = (await bundlesIn(dir.path))[form];
      for (const options of [{ lock }, {}]) {
        const bundle = await openBundle(path, { reporter: silentReporter, ...options });
        for (const content of Object.values(files)) {
          const to = join(dir.path, 'copy');
          expect(await bundle?.copy(sha256Of(content), to)).toBe(true);
          expect(await readFile(to, 'utf8')).toBe(content);
        }
        expect(await bundle?.copy(sha256Of('another'), join(dir.path, 'x'))).toBe(false);
      }
    },
  );

  it('takes a folder without an index for no bundle', async () => {
    await using dir = await tempFolder();
    expect(await openBundle(dir.path, { reporter: silentReporter, lock })).toBeUndefined();
    expect(await openVendors([dir.path, '/nonexistent'], { reporter: silentReporter })).toEqual({
      vendorDirs: [dir.path, '/nonexistent'],
      bundles: [],
    });
  });

  it('refuses the bundle of another lock, with what differs', async () => {
    await using dir = await tempFolder();
    const { tar } = await bundlesIn(dir.path);
    const { bc: _, ...packages } = lock.packages;
    const other = { ...lock, packages: { ...packages, new: packageOf('n', 'debian:pool/new.deb') } };
    const error = await openBundle(tar, { reporter: silentReporter, lock: other }).catch(
      (error: unknown) => error,
    );
    expect(error).toMatchObject({
      code: 'bundle-invalid',
      message: expect.stringContaining('it is for another lock'),
      details: expect.arrayContaining(['missing: new.deb', 'extra: bc_1~rc+b1_amd64.deb']),
    });
  });

  it('refuses a tar that is cut off anywhere', async () => {
    await using dir = await tempFolder();
    const { tar, bytes } = await bundlesIn(dir.path);
    for (let length = 0; length < bytes.length; length += 97) {
      await truncateTo(tar, bytes, length);
      const error = await refusal(tar);
      expect(error.code).toBe('bundle-invalid');
      if (length >= 512) expect(error.message).toContain('cut off');
    }
  });

  it('refuses a tar in which any one byte is another', async () => {
    await using dir = await tempFolder();
    const { tar, bytes } = await bundlesIn(dir.path);
    for (let at = 0; at < bytes.length; at += 41) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(tar, changed);
      expect((await refusal(tar)).code).toBe('bundle-invalid');
      expect((await refusal(tar, false)).code).toBe('bundle-invalid');
    }
  });

  it.each<[string, (list: [string, string][]) => [string, string][], RegExp]>([
    [
      'an extra member',
      (list) => [...list, ['zz.deb', 'x']],
      /holds "zz\.deb", which its index does not name/,
    ],
    [
      'an extra member in the middle',
      (list) => [...list.slice(0, 3), ['evil', 'x'], ...list.slice(3)],
      /holds "evil", which/,
    ],
    [
      'no member of a name',
      (list) => list.filter(([name]) => !name.startsWith('make')),
      /lacks "make_1_amd64\.deb"/,
    ],
    ['no last member', (list) => list.slice(0, -1), /lacks "make_1_amd64\.deb": it ends before it/],
    ['a member twice', (list) => [...list.slice(0, 3), ...list.slice(2)], /holds "[^"]+" a second time/],
    [
      'other bytes',
      (list) => replaced(list, 'bc_', 'A calculator'),
      /"bc_1~rc\+b1_amd64\.deb" has other bytes/,
    ],
    [
      'a longer file',
      (list) => replaced(list, 'bc_', 'a calculator!'),
      /has 13 bytes there, its index says 12/,
    ],
    ['a hostile name', (list) => [...list, ['../../etc/passwd', 'x']], /holds "\.\.\/\.\.\/etc\/passwd"/],
    ['a name that steers terminals', (list) => [...list, ['\x1b]0;x\x07', 'x']], /holds "\\x1b\]0;x\\x07"/],
    ['no index', (list) => list.slice(1), /does not begin with "altee-vendor\.json"/],
    ['an index that is no JSON', (list) => replaced(list, 'altee-vendor', '{'), /index is no JSON/],
    ['an index of something else', (list) => replaced(list, 'altee-vendor', '{}'), /index is malformed/],
  ])('refuses a tar with %s', async (_, change, reason) => {
    await using dir = await tempFolder();
    const tar = join(dir.path, 'bundle.tar');
    await writeFile(tar, tarOf(change(members())));
    for (const withLock of [true, false]) {
      const error = await refusal(tar, withLock);
      expect(error).toMatchObject({ code: 'bundle-invalid', message: expect.stringMatching(reason) });
    }
  });

  it('refuses an index that was extended together with the members', async () => {
    await using dir = await tempFolder();
    const tar = join(dir.path, 'bundle.tar');
    const index = bundleIndexOf(lock);
    const more = { name: 'zz.deb', origins: [], sha256: sha256Of('x'), size: 1 };
    const text = encodeBundleIndex({ ...index, files: [...index.files, more] });
    await writeFile(tar, tarOf([...replaced(members(), 'altee-vendor', text), ['zz.deb', 'x']]));
    for (const withLock of [true, false]) {
      expect(await refusal(tar, withLock)).toMatchObject({
        message: expect.stringContaining('its index is not what the lock says'),
        details: ['extra: zz.deb'],
      });
    }
  });

  it.each(['../x', '/etc/passwd', '.hidden', 'a/b', 'a\nb', '', '-x'])(
    'refuses the name %j in an index',
    async (name) => {
      await using dir = await tempFolder();
      const tar = join(dir.path, 'bundle.tar');
      const text = encodeBundleIndex({
        bundleVersion: 1,
        lock: sha256Of('x'),
        files: [{ name, origins: [], sha256: sha256Of('x'), size: 1 }],
      });
      await writeFile(tar, tarOf([['altee-vendor.json', text]]));
      expect(await refusal(tar, false)).toMatchObject({
        message: expect.stringContaining('index is malformed'),
      });
    },
  );

  it('hashes nothing of a bomb: terabytes of zeros in a sparse file, sizes that no disk has, an endless index', async () => {
    await using dir = await tempFolder();
    const tar = join(dir.path, 'bundle.tar');
    const files = [{ name: 'zeros', origins: [], sha256: sha256Of('x'), size: 2 ** 40 }];
    const index = encodeBundleIndex({ bundleVersion: 1, lock: sha256Of('x'), files });
    await writeFile(tar, Buffer.concat([fileHeader('altee-vendor.json', index.length), Buffer.from(index)]));
    await truncate(tar, 2 ** 40 + 4096);
    expect(await refusal(tar, false)).toMatchObject({ message: expect.stringMatching(/claims \d+ bytes/) });
    await writeFile(tar, fileHeader('altee-vendor.json', 8 ** 11 - 1));
    await truncate(tar, 8 ** 11);
    expect(await refusal(tar)).toMatchObject({
      message: expect.stringContaining('index claims 8589934591 bytes'),
    });
  });

  it('names the compression of a compressed bundle', async () => {
    await using dir = await tempFolder();
    const { tar, bytes } = await bundlesIn(dir.path);
    await writeFile(tar, gzipSync(bytes));
    expect(await refusal(tar)).toMatchObject({ message: expect.stringContaining('compressed with gzip') });
  });

  it('refuses what another tar packed, and says what to do', async () => {
    await using dir = await tempFolder();
    const { folder, tar } = await bundlesIn(dir.path);
    await execa('tar', ['-cf', tar, '-C', folder, 'altee-vendor.json', 'altee.lock']);
    expect(await refusal(tar)).toMatchObject({ hint: expect.stringContaining('give the folder') });
  });

  it('does not wait for a pipe', async () => {
    await using dir = await tempFolder();
    await execa('mkfifo', [join(dir.path, 'pipe.tar')]);
    expect(await refusal(join(dir.path, 'pipe.tar'))).toMatchObject({
      message: expect.stringContaining('no regular file'),
    });
  });

  it.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      'an extra file',
      (folder) => writeFile(join(folder, 'extra'), ''),
      /holds "extra", which its index does not name/,
    ],
    ['an extra folder', (folder) => mkdir(join(folder, '.git')), /holds "\.git", which/],
    ['no file of a name', (folder) => rm(join(folder, 'make_1_amd64.deb')), /lacks "make_1_amd64\.deb"/],
    [
      'other bytes',
      (folder) => writeFile(join(folder, 'make_1_amd64.deb'), 'M'.repeat(3000)),
      /has other bytes/,
    ],
    [
      'a shorter file',
      (folder) => truncate(join(folder, 'make_1_amd64.deb'), 5),
      /has 5 bytes instead of 3000/,
    ],
    [
      'a link',
      async (folder) => {
        await rm(join(folder, 'make_1_amd64.deb'));
        await symlink('/dev/zero', join(folder, 'make_1_amd64.deb'));
      },
      /is no regular file/,
    ],
    [
      'a linked index',
      async (folder) => {
        await cp(join(folder, 'altee-vendor.json'), join(folder, '../index'));
        await rm(join(folder, 'altee-vendor.json'));
        await symlink('../index', join(folder, 'altee-vendor.json'));
      },
      /index "altee-vendor\.json" is no regular file/,
    ],
  ])('refuses a folder with %s', async (_, change, reason) => {
    await using dir = await tempFolder();
    const { folder } = await bundlesIn(dir.path);
    await change(folder);
    expect(await refusal(folder)).toMatchObject({
      code: 'bundle-invalid',
      message: expect.stringMatching(reason),
    });
  });
});

describe('fetchFiles() with a bundle', () => {
  it('takes the files from it, offline, and shows how far it is', async () => {
    await using dir = await tempFolder();
    const { tar } = await bundlesIn(dir.path);
    const titles: string[] = [];
    const reporter: Reporter = {
      ...silentReporter,
      start: (title) => {
        titles.push(title);
        return silentTask;
      },
    };
    const { bundles, vendorDirs } = await openVendors([tar], { reporter, lock });
    expect(vendorDirs).toEqual([]);
    expect(titles).toEqual(['Verify the vendor bundle']);
    const store = await Store.open(join(dir.path, 'empty'));
    const options = { originsOf: () => [], bundles, offline: true, reporter };
    const paths = await fetchFiles(store, lockedInputs(lock), options);
    expect(await readFile(paths.get('bc') ?? '', 'utf8')).toBe(files.bc);
    expect(await readFile(paths.get('odd') ?? '', 'utf8')).toBe(files.odd);
  });

  it('keeps nothing of a bundle that was changed after it was verified', async () => {
    await using dir = await tempFolder();
    const { tar, bytes } = await bundlesIn(dir.path);
    const { bundles } = await openVendors([tar], { reporter: silentReporter, lock });
    const file = await open(tar, 'r+');
    await file.write(Buffer.from('X'), 0, 1, bytes.indexOf(files.bc));
    await file.close();
    const store = await Store.open(join(dir.path, 'empty'));
    const options = { originsOf: () => [], bundles, offline: true, reporter: silentReporter };
    const bc = lockedInputs(lock).filter(({ name }) => name === 'bc');
    await expect(fetchFiles(store, bc, options)).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect(await store.list()).toEqual([]);
  });
});

function replaced(list: readonly [string, string][], prefix: string, content: string): [string, string][] {
  return list.map(([name, old]) => [name, name.startsWith(prefix) ? content : old]);
}

async function truncateTo(path: string, bytes: Uint8Array, length: number): Promise<void> {
  await writeFile(path, bytes.subarray(0, length));
}
