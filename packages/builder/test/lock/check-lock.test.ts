import type { Lock } from '@altee/manifest';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { checkLock } from '../../src/lock/check-lock.ts';
import { lockRequest, requestDigest } from '../../src/lock/request.ts';
import { rootRecipes } from '../../src/lock/toolchain.ts';
import { manifestFor } from './manifest-for.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const source = { url: 'https://k.example/linux-6.12.9.tar.xz', sha256: digest('a') };

/** A lock with as much in it as the check reads. */
function lockFor(manifest: ReturnType<typeof manifestFor>): Lock {
  const request = lockRequest(manifest);
  const roots = Object.entries(request.roots).map(([name, { wanted }]) => [
    name,
    { packages: wanted, digest: digest('0') },
  ]);
  return {
    request: requestDigest(request),
    kernel: { line: request.kernel.line, sha256: request.kernel.source?.sha256 ?? digest('1') },
    platforms: Object.fromEntries(Object.keys(request.platforms).map((name) => [name, {}])),
    roots: Object.fromEntries(roots),
  } as unknown as Lock;
}

function refusal(lock: Lock, manifest: ReturnType<typeof manifestFor>): BuilderError {
  try {
    checkLock(lock, manifest, 'altee.lock');
  } catch (error) {
    if (error instanceof BuilderError) return error;
    throw error;
  }
  throw new Error('Nothing was refused');
}

describe('checkLock()', () => {
  it('accepts the lock that was made for the manifest', () => {
    const manifest = manifestFor({ packages: ['golang-go'] });
    expect(() => checkLock(lockFor(manifest), manifest, 'altee.lock')).not.toThrow();
  });

  it('does not mind what the lock does not depend on', () => {
    const manifest = manifestFor();
    const other = { ...manifest, kernel: { ...manifest.kernel, features: ['nvme'], cmdline: ['quiet'] } };
    expect(() => checkLock(lockFor(manifest), other, 'altee.lock')).not.toThrow();
    const kinds = manifestFor({
      platforms: {
        lab: {},
        cloud: { kind: 'aws-nitrotpm' },
        own: { firmware: { path: 'f', sha256: digest('2') } },
      },
    });
    expect(() => checkLock(lockFor(manifest), kinds, 'altee.lock')).not.toThrow();
  });

  it.each([
    ['a package more', manifestFor({ packages: ['make'] }), 'root "app": no "make" in the lock'],
    [
      'another kernel line',
      manifestFor({ line: 'linux-6.18' }),
      'kernel.line: "linux-6.18", locked "linux-6.12"',
    ],
    ['a kernel source', manifestFor({ source }), `kernel.source: ${digest('a')}, locked ${digest('1')}`],
    ['another platform', manifestFor({ platforms: { lab: {}, two: {} } }), 'platforms: no "two" in the lock'],
    ['no platform', manifestFor({ platforms: {} }), 'platforms: "lab" only in the lock'],
    ['no build', manifestFor({ app: 'static' }), 'root "app": only in the lock'],
  ])('names what differs: %s', (_, manifest, detail) => {
    const error = refusal(lockFor(manifestFor()), manifest);
    expect(error.code).toBe('lock-outdated');
    expect(error.message).toBe('altee.lock is not for what the manifest asks for');
    expect(error.details).toEqual([detail]);
  });

  it('names a root that the lock does not have', () => {
    const lock = lockFor(manifestFor({ app: 'static' }));
    expect(refusal(lock, manifestFor()).details).toEqual(['root "app": not in the lock']);
  });

  it('says so where only the lists of altee differ', () => {
    const manifest = manifestFor();
    const error = refusal({ ...lockFor(manifest), request: digest('3') }, manifest);
    expect(error.details[0]).toMatch(/lists of packages/);
  });
});

describe('requestDigest()', () => {
  it('does not depend on the order in which things stand in the manifest', () => {
    const a = manifestFor({ packages: ['make', 'gcc'], platforms: { a: {}, b: {} } });
    const b = manifestFor({ packages: ['gcc', 'make'], platforms: { b: {}, a: {} } });
    expect(requestDigest(lockRequest(a))).toBe(requestDigest(lockRequest(b)));
  });
});

describe('lockRequest()', () => {
  it('asks for what the sandbox needs in every root', () => {
    for (const { wanted } of Object.values(lockRequest(manifestFor()).roots)) {
      expect(wanted).toEqual(expect.arrayContaining(['coreutils', 'dash', 'mount', 'util-linux']));
    }
  });

  it('leaves nothing out of a package that the manifest names', () => {
    const drop = (packages: string[]) => lockRequest(manifestFor({ packages })).roots.app?.drop ?? [];
    expect(drop([])).toContain('util-linux>libpam0g');
    expect(drop(['util-linux']).filter((entry) => entry.startsWith('util-linux>'))).toEqual([]);
    expect(drop(['util-linux'])).toContain('coreutils>libsystemd0');
  });
});

describe('rootRecipes', () => {
  it('drops nothing that it wants', () => {
    for (const { wanted, drop } of Object.values(rootRecipes)) {
      expect(Object.keys(drop).filter((name) => name in wanted)).toEqual([]);
    }
  });
});
