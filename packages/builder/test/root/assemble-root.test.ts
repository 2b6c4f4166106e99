import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/report.ts';
import { assembleRoot, readRoot, readRootListing } from '../../src/root/assemble-root.ts';
import { encodeListing } from '../../src/root/listing.ts';
import { rootKey } from '../../src/root/root-digest.ts';
import type { PackageFile } from '../../src/root/unpack-package.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';
import { type TarEntry, writeDeb } from './make-deb.ts';

const options = { reporter: silentReporter };

const mawk: readonly TarEntry[] = [
  { name: './usr/bin/mawk', mode: 0o755, content: 'awk' },
  { name: './usr/share/doc/', type: '5' },
];
const dash: readonly TarEntry[] = [
  { name: './bin/sh', type: '2', link: 'dash' },
  { name: './bin/dash', mode: 0o4755, content: 'dash' },
  { name: './usr/share/doc/', type: '5', mode: 0o700 },
  { name: './etc/hosts', content: '127.0.0.1 mine\n' },
  { name: './usr/share/a-é', content: 'x' },
  { name: './usr/share/a\u{1f600}', content: 'x' },
  { name: './usr/share/a\uff5e', content: 'x' },
];

/** Writes the packages `mawk` and `dash` into a folder. */
async function writePackages(dir: string): Promise<PackageFile[]> {
  return Promise.all([
    writeDeb(join(dir, 'mawk.deb'), 'mawk', mawk),
    writeDeb(join(dir, 'dash.deb'), 'dash', dash),
  ]);
}

describe('assembleRoot()', () => {
  it('merges the packages and what every root has', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const { path } = await assembleRoot(store, await writePackages(dir.path), options);
    expect(readFileSync(join(path, 'bin/sh'), 'utf8')).toBe('dash');
    expect(readlinkSync(join(path, 'usr/bin/awk'))).toBe('mawk');
    expect(readlinkSync(join(path, 'lib64'))).toBe('usr/lib64');
    expect(statSync(join(path, 'var/tmp')).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(path, 'usr/bin/dash')).mode & 0o7777).toBe(0o555);
    // A file of a package comes before the one that every root would get.
    expect(readFileSync(join(path, 'etc/hosts'), 'utf8')).toBe('127.0.0.1 mine\n');
    expect(readFileSync(join(path, 'etc/resolv.conf'), 'utf8')).toBe('');
    expect(readdirSync(path).sort()).toEqual(
      'bin build dev etc lib lib64 out proc root run sbin src sys tmp usr var'.split(' '),
    );
  });

  it('gives a digest that can be recomputed from the files', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const root = await assembleRoot(store, await writePackages(dir.path), options);
    const { stdout: found } = await execa({
      cwd: root.path,
      env: { LC_ALL: 'C' },
    })`find . -mindepth 1 -printf ${'%y\t%m\t%s\t%l\t%P\n'}`;
    const lines = found.split('\n').map((line) => {
      const [type, mode = '', size, target, path = ''] = line.split('\t');
      const sha256 = () =>
        createHash('sha256')
          .update(readFileSync(join(root.path, path)))
          .digest('hex');
      const fields = {
        d: () => ['d', mode],
        f: () => ['f', mode === '555' ? '755' : '644', size, sha256()],
        l: () => ['l', target],
      }[type as 'd' | 'f' | 'l']();
      return { path, line: [...fields, path].join('\t') };
    });
    lines.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
    const text = ['altee-listing-v1', ...lines.map(({ line }) => line), ''].join('\n');
    expect(encodeListing(await readRootListing(root))).toBe(text);
    expect(root.digest).toBe(`sha256:${createHash('sha256').update(text).digest('hex')}`);
  });

  it('gives a digest that does not depend on the order of the packages', async () => {
    await using dir = await tempFolder();
    const packages = await writePackages(dir.path);
    const roots = await Promise.all(
      [packages, packages.toReversed()].map(async (ordered, index) =>
        assembleRoot(await Store.open(join(dir.path, `store-${index}`)), ordered, options),
      ),
    );
    expect(roots[0]?.digest).toBe(roots[1]?.digest);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'gives the same digest to nobody with umask 077 as to root',
    async () => {
      await using dir = await tempFolder();
      const packagesDir = join(dir.path, 'packages');
      await mkdir(packagesDir);
      await writePackages(packagesDir);
      await chmod(dir.path, 0o755);
      const digestAs = async (uid: number, umask: string) => {
        const storeDir = join(dir.path, `store-${uid}`);
        await mkdir(storeDir);
        await chown(storeDir, uid, uid);
        return runChild([storeDir, umask, packagesDir], { uid, gid: uid });
      };
      const [asRoot, asNobody] = [await digestAs(0, '022'), await digestAs(65534, '077')];
      expect(asRoot).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(asNobody).toBe(asRoot);
      expect(
        await runChild([join(dir.path, 'store-65534'), '022', packagesDir], { uid: 65534, gid: 65534 }),
      ).toBe(asRoot);
    },
  );

  it('finds a root that was made before, without its packages', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const packages = await writePackages(dir.path);
    const root = await assembleRoot(store, packages, options);
    const gone = packages.map((file) => ({ ...file, path: '/nonexistent' }));
    expect(await assembleRoot(store, gone, options)).toEqual(root);
    expect(await readRoot(store, rootKey(packages.map(({ sha256 }) => sha256)))).toEqual(root);
    expect(await readRoot(store, rootKey([]))).toBeUndefined();
  });

  it('takes each file once on disk for all roots', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const packages = await writePackages(dir.path);
    const both = await assembleRoot(store, packages, options);
    const one = await assembleRoot(store, packages.slice(0, 1), options);
    expect(statSync(join(one.path, 'usr/bin/mawk')).ino).toBe(statSync(join(both.path, 'usr/bin/mawk')).ino);
    expect(one.digest).not.toBe(both.digest);
  });

  it('accepts the same file from two packages, and names both where they differ', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const file = { name: 'etc/conf', content: 'x' };
    const [a, b, c, d] = await Promise.all([
      writeDeb(join(dir.path, 'a'), 'a', [file]),
      writeDeb(join(dir.path, 'b'), 'b', [file, { name: 'b', content: '' }]),
      writeDeb(join(dir.path, 'c'), 'c', [{ ...file, content: 'y' }]),
      writeDeb(join(dir.path, 'd'), 'd', [{ name: 'etc/conf/', type: '5' }]),
    ]);
    await assembleRoot(store, [a, b], options);
    await expect(assembleRoot(store, [a, c], options)).rejects.toMatchObject({
      code: 'dependency-unsatisfiable',
      message: 'Packages conflict: "/etc/conf" is a file of "c" and a file of "a"',
    });
    await expect(assembleRoot(store, [a, d], options)).rejects.toMatchObject({ message: /directory of "d"/ });
    expect((await store.list()).filter(({ kind }) => kind === 'root')).toHaveLength(1);
  });

  it('refuses a package with something else in place of a directory that every root needs', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const file = await writeDeb(join(dir.path, 'a'), 'a', [{ name: 'proc', type: '2', link: '/sys' }]);
    await expect(assembleRoot(store, [file], options)).rejects.toMatchObject({
      message: /symlink at "\/proc"/,
    });
  });

  it('leaves nothing of a package that it refused', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const good = await writePackages(dir.path);
    const evil = await writeDeb(join(dir.path, 'evil'), 'evil', [
      { name: 'ok', content: 'x' },
      { name: '../../../../evil', content: 'x' },
    ]);
    await expect(assembleRoot(store, [...good, evil], options)).rejects.toMatchObject({
      code: 'archive-hostile',
    });
    expect((await store.list()).map(({ kind }) => kind)).not.toContain('root');
    expect(await readdir(join(dir.path, 'store', 'trees', 'unpacked'))).not.toContain(
      expect.stringContaining(evil.sha256.slice(7)),
    );
    for (const own of await readdir(join(dir.path, 'store', 'tmp'))) {
      expect(await readdir(join(dir.path, 'store', 'tmp', own))).toEqual(['leases']);
    }
    expect(existsSync(join(dir.path, 'evil.txt'))).toBe(false);
  });

  it.each([
    ['has no data archive', {}, /holds "debian-binary", "control.tar.gz"/],
    [
      'is compressed in a way that is not supported',
      { 'data.tar.zst': Buffer.from('x') },
      /only xz and gzip/,
    ],
    [
      'has a data archive that is cut off',
      { 'data.tar.xz': Buffer.from('/Td6WFoAAATm1rRG', 'base64') },
      /Cannot unpack/,
    ],
    [
      'has a data archive that is no gzip',
      { 'data.tar.gz': Buffer.from('something') },
      /incorrect header check/,
    ],
  ])('refuses a package that %s', async (_, members, message) => {
    await using dir = await tempFolder();
    const store = await Store.open(join(dir.path, 'store'));
    const file = await writeDeb(join(dir.path, 'a.deb'), 'a', members);
    await expect(assembleRoot(store, [file], options)).rejects.toMatchObject({
      code: 'archive-malformed',
      message,
    });
  });

  it('survives kill -9 at any moment', async () => {
    await using dir = await tempFolder();
    const packagesDir = join(dir.path, 'packages');
    const storeDir = join(dir.path, 'store');
    await mkdir(packagesDir);
    const many = (from: number) =>
      Array.from({ length: 400 }, (_, i) => ({ name: `f${from + i}`, content: `${i}` }));
    await Promise.all(
      [1, 1000, 2000].map((from) => writeDeb(join(packagesDir, `p${from}.deb`), `p${from}`, many(from))),
    );
    const wanted = await runChild([join(dir.path, 'other'), '022', packagesDir]);
    for (let delay = 250; delay < 2000; delay += 125) {
      const child = startChild([storeDir, '022', packagesDir]);
      const timer = setTimeout(() => child.kill('SIGKILL'), delay);
      await child.catch(() => {});
      clearTimeout(timer);
    }
    expect(await runChild([storeDir, '022', packagesDir])).toBe(wanted);
    const store = await Store.open(storeDir);
    expect((await store.list()).map(({ kind }) => kind).sort()).toEqual([
      'root',
      'unpacked',
      'unpacked',
      'unpacked',
    ]);
    expect(await readdir(join(storeDir, 'tmp'))).toHaveLength(1);
  }, 120_000);
});

function startChild(args: readonly string[], user: { uid?: number; gid?: number } = {}) {
  const script = fileURLToPath(new URL('assemble-child.ts', import.meta.url));
  return execa(process.execPath, ['--import', 'tsx', script, ...args], {
    ...user,
    env: { HOME: '/nonexistent', TMPDIR: '/tmp' },
  });
}

async function runChild(args: readonly string[], user: { uid?: number; gid?: number } = {}): Promise<string> {
  return (await startChild(args, user)).stdout;
}
