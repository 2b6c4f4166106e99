import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lockSchema } from '@altee/manifest';
import { describe, expect, it } from 'vitest';
import { resolveLock } from '../../src/lock/resolve-lock.ts';
import { snapshotTime } from '../../src/lock/snapshot-time.ts';
import { silentReporter } from '../../src/report.ts';
import { Store } from '../../src/store/store.ts';
import type { Mirror } from '../debian/mirror.ts';
import { sha256 } from '../debian/signed-archive.ts';
import { type Answer, status } from '../fetch/test-server.ts';
import { tempFolder } from '../temp.ts';
import { manifestFor } from './manifest-for.ts';
import { startTinyDebian, tinyDebian, tinyPackages, tinySuites } from './tiny-debian.ts';

const date = new Date('2026-11-20T12:00:00Z');
const now = new Date('2026-11-21T12:34:56Z');
type Files = Map<string, Uint8Array | Answer>;

/** Resolves against mirrors with these files, in a new store. */
async function lockFrom(
  files: Files | readonly Files[],
  options: Partial<Parameters<typeof resolveLock>[1]> = {},
  manifest = manifestFor(),
) {
  await using folder = await tempFolder();
  const mirrors: Mirror[] = await Promise.all([files].flat().map(startTinyDebian));
  try {
    const basesOf = (archive: string) => mirrors.map(({ url }) => `${url}/${archive}`);
    return await resolveLock(manifest, {
      reporter: silentReporter,
      store: await Store.open(join(folder.path, 'store')),
      origins: {
        vendorDirs: [],
        archives: { debian: basesOf('debian'), 'debian-security': basesOf('debian-security') },
      },
      now,
      suites: tinySuites,
      patience: { idleMs: 1000, attempts: 2, backoffMs: 1 },
      ...options,
    });
  } finally {
    for (const mirror of mirrors) await mirror[Symbol.asyncDispose]();
  }
}

describe('resolveLock()', () => {
  it('pins every byte: packages, roots, kernel, stub, firmware, indexes, time', async () => {
    const lock = await lockFrom(
      await tinyDebian(tinyPackages({ dash: { depends: 'libc6' }, libc6: {} }), { date }),
    );
    expect(() => lockSchema.parse(lock)).not.toThrow();
    expect(Object.keys(lock.roots)).toEqual(['kernel', 'guest', 'image', 'platform', 'app']);
    for (const root of Object.values(lock.roots)) {
      expect(root.packages).toEqual(
        expect.arrayContaining(['coreutils', 'dash', 'libc6', 'mount', 'util-linux']),
      );
      expect(root.packages).toEqual(root.packages.toSorted());
    }
    expect(lock.packages['libc6']).toMatchObject({
      version: '1.0-1',
      architecture: 'amd64',
      source: 'libc6',
      origins: ['debian:pool/main/l/libc6/libc6_1.0-1_amd64.deb'],
    });
    expect(lock.kernel).toEqual({
      line: 'linux-6.12',
      version: '6.12.107',
      name: 'linux_6.12.107.orig.tar.xz',
      size: 26,
      sha256: `sha256:${sha256(Buffer.from('linux_6.12.107.orig.tar.xz'))}`,
      origins: ['debian:pool/main/l/linux/linux_6.12.107.orig.tar.xz'],
    });
    expect(lock.stub.sha256).toBe(`sha256:${sha256(Buffer.from('stub'))}`);
    expect(lock.platforms['lab']?.firmware.code.sha256).toBe(`sha256:${sha256(Buffer.from('code'))}`);
    expect(lock.platforms['lab']?.firmware.vars.sha256).toBe(`sha256:${sha256(Buffer.from('vars'))}`);
    expect(lock.debian.snapshot).toBe('20261121T123456Z');
    expect(lock.debian.indexes.map(({ suite, date }) => [suite, date])).toEqual([
      ['trixie', date.toISOString()],
      ['trixie-security', date.toISOString()],
    ]);
  });

  it('gives the same lock for the same archive, manifest and time', async () => {
    const files = await tinyDebian(tinyPackages(), { date });
    expect(JSON.stringify(await lockFrom(files))).toBe(JSON.stringify(await lockFrom(files)));
  });

  it('takes a security update over the release', async () => {
    const security = { dash: { version: '1.0-1+deb13u1' } };
    const lock = await lockFrom(await tinyDebian(tinyPackages(), { date, security }));
    expect(lock.packages['dash']?.version).toBe('1.0-1+deb13u1');
    expect(lock.packages['dash']?.origins[0]).toMatch(/^debian-security:pool/);
  });

  it('names each archive whose signed index lists the same bytes as an origin', async () => {
    const security = { dash: {}, coreutils: { files: { 'usr/bin/other': 'other bytes' } } };
    const lock = await lockFrom(await tinyDebian(tinyPackages(), { date, security }));
    expect(lock.packages['dash']?.origins).toEqual([
      'debian:pool/main/d/dash/dash_1.0-1_amd64.deb',
      'debian-security:pool/main/d/dash/dash_1.0-1_amd64.deb',
    ]);
    expect(lock.packages['coreutils']?.origins).toHaveLength(1);
  });

  it("has the application's packages in its own root only, and no such root without a build", async () => {
    const files = await tinyDebian(tinyPackages({ cowsay: {} }), { date });
    const lock = await lockFrom(files, {}, manifestFor({ packages: ['cowsay'] }));
    expect(lock.roots['app']?.packages).toContain('cowsay');
    expect(lock.roots['guest']?.packages).not.toContain('cowsay');
    expect((await lockFrom(files, {}, manifestFor({ app: 'static' }))).roots['app']).toBeUndefined();
  });

  it('takes a given kernel source as it is, with the size that the download has', async () => {
    const files: Files = await tinyDebian(tinyPackages(), { date, kernels: [] });
    files.set('k/linux-6.12.9.tar.xz', Buffer.from('mainline'));
    await using mirror = await startTinyDebian(files);
    const source = {
      url: `${mirror.url}/k/linux-6.12.9.tar.xz`,
      sha256: `sha256:${sha256(Buffer.from('mainline'))}`,
    };
    const lock = await lockFrom(files, {}, manifestFor({ source }));
    expect(lock.kernel).toEqual({
      line: 'linux-6.12',
      version: '6.12.9',
      name: 'linux-6.12.9.tar.xz',
      size: 8,
      sha256: source.sha256,
      origins: [source.url],
    });
    const wrong = manifestFor({ source: { ...source, sha256: `sha256:${'0'.repeat(64)}` } });
    await expect(lockFrom(files, {}, wrong)).rejects.toMatchObject({ code: 'digest-mismatch' });
    const gone = manifestFor({ source: { ...source, url: `${mirror.url}/k/none` } });
    await expect(lockFrom(files, {}, gone)).rejects.toMatchObject({ code: 'download-failed' });
  });

  it('takes packages from a vendor folder without changing what is resolved', async () => {
    const files = await tinyDebian(tinyPackages(), { date });
    const online = await lockFrom(files);
    await using folder = await tempFolder();
    const vendor = join(folder.path, 'vendor');
    await mkdir(vendor);
    const withoutPool: Files = new Map();
    for (const [path, content] of files) {
      if (path.endsWith('.deb')) await writeFile(join(vendor, basename(path)), content as Uint8Array);
      else withoutPool.set(path, content);
    }
    await using mirror = await startTinyDebian(withoutPool);
    const archives = {
      debian: [`${mirror.url}/debian`],
      'debian-security': [`${mirror.url}/debian-security`],
    };
    expect(await lockFrom([], { origins: { vendorDirs: [vendor], archives } })).toEqual(online);
    expect(await readdir(vendor)).not.toHaveLength(0);
  });

  it('refuses an archive older than that of the lock it replaces', async () => {
    const files = await tinyDebian(tinyPackages(), { date });
    const previous = await lockFrom(
      await tinyDebian(tinyPackages(), { date: new Date('2026-11-21T00:00:00Z') }),
    );
    await expect(lockFrom(files, { previous })).rejects.toMatchObject({ code: 'index-invalid' });
  });

  it.each<[string, (files: Files) => void, string]>([
    ['no InRelease', (files) => files.delete('debian/dists/trixie/InRelease'), 'download-failed'],
    [
      'no security suite',
      (files) => files.delete('debian-security/dists/trixie-security/InRelease'),
      'download-failed',
    ],
    [
      'a package with other bytes',
      (files) => files.set('debian/pool/main/d/dash/dash_1.0-1_amd64.deb', Buffer.from('!<arch>\nevil')),
      'digest-mismatch',
    ],
    [
      'a package that is gone',
      (files) => files.delete('debian/pool/main/d/dash/dash_1.0-1_amd64.deb'),
      'download-failed',
    ],
    [
      'a server error',
      (files) => files.set('debian/pool/main/d/dash/dash_1.0-1_amd64.deb', status(500)),
      'download-failed',
    ],
    [
      'no kernel source',
      (files) => files.delete('debian/pool/main/l/linux/linux_6.12.107.orig.tar.xz'),
      'package-not-found',
    ],
  ])('fails on a mirror with %s', async (_, change, code) => {
    const files = await tinyDebian(tinyPackages(), { date });
    change(files);
    await expect(lockFrom(files)).rejects.toMatchObject({ code });
  });

  it('goes on with the next mirror where one lies', async () => {
    const good = await tinyDebian(tinyPackages(), { date });
    const lying = new Map(good).set('debian/pool/main/d/dash/dash_1.0-1_amd64.deb', Buffer.from('evil'));
    expect(await lockFrom([lying, good])).toEqual(await lockFrom(good));
  });

  it('names a package of the manifest that does not exist', async () => {
    const files = await tinyDebian(tinyPackages(), { date });
    const manifest = manifestFor({ packages: ['golangg-go'] });
    await expect(lockFrom(files, {}, manifest)).rejects.toMatchObject({
      code: 'package-not-found',
      message: 'No package "golangg-go" for the root "app" in Debian 13',
      hint: 'Did you mean "golang-go"?',
    });
  });

  it('pins the build that enforces Secure Boot, and an empty store, for a platform with keys', async () => {
    const files = await tinyDebian(tinyPackages(), { date });
    const secureBoot = { pk: 'PK.pem', kek: ['KEK.pem'], db: ['db.pem'] };
    const { platforms } = await lockFrom(files, {}, manifestFor({ platforms: { lab: { secureBoot } } }));
    expect(platforms['lab']?.firmware).toMatchObject({
      code: { sha256: `sha256:${sha256(Buffer.from('code with Secure Boot'))}` },
      vars: { sha256: `sha256:${sha256(Buffer.from('vars'))}` },
    });
  });

  it('names the file that a package no longer holds', async () => {
    const files = await tinyDebian(
      tinyPackages({ ovmf: { files: { 'usr/share/OVMF/OVMF_CODE_4M.fd/moved': '' } } }),
      { date },
    );
    const error = await lockFrom(files).catch((caught) => caught);
    expect(['archive-malformed', 'archive-hostile']).toContain(error.code);
  });

  it('needs "kernel.source" for a line that is no series of mainline', async () => {
    const files = await tinyDebian(tinyPackages(), { date });
    await expect(lockFrom(files, {}, manifestFor({ line: 'mine' }))).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });
});

describe('snapshotTime()', () => {
  it("writes a time as Debian's snapshot archive does", () => {
    expect(snapshotTime(new Date('2026-01-02T03:04:05.678Z'))).toBe('20260102T030405Z');
  });
});
