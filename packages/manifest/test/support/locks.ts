import fc from 'fast-check';
import type { Lock } from '../../src/index.ts';

const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const digest = hex.map((digits) => `sha256:${digits}`);
const name = fc.stringMatching(/^[a-z][a-z0-9+.-]{1,12}$/);
const file = fc.record({
  size: fc.integer({ min: 1, max: 2 ** 40 }),
  sha256: digest,
  origins: fc.array(
    fc.stringMatching(/^[a-z/]{1,20}$/).map((path) => `debian:${path}`),
    { minLength: 1, maxLength: 2 },
  ),
});
const lockedPackage = fc
  .record({
    version: fc.stringMatching(/^[0-9][0-9.~+-]{0,8}$/),
    architecture: fc.constantFrom('amd64', 'all'),
    source: name,
  })
  .chain((about) => file.map((bytes) => ({ ...bytes, ...about })));

/** Locks in which every package that is named is there. */
export const locks: fc.Arbitrary<Lock> = fc
  .uniqueArray(name, { minLength: 1, maxLength: 6 })
  .chain((names) => {
    const one = fc.constantFrom(...names);
    const inPackage = fc.record({ package: one, path: name, sha256: digest });
    return fc.record({
      lockVersion: fc.constant(1 as const),
      request: digest,
      debian: fc.record({ snapshot: fc.constant('20261121T000000Z'), indexes: fc.constant([]) }),
      kernel: file.map((bytes) => ({
        ...bytes,
        line: 'linux-6.12',
        version: '6.12.107',
        name: 'linux.tar.xz',
      })),
      stub: inPackage,
      platforms: fc.dictionary(
        name,
        fc.record({ firmware: fc.record({ code: inPackage, vars: inPackage }) }),
        {
          maxKeys: 2,
          noNullPrototype: true,
        },
      ),
      roots: fc.dictionary(
        name,
        fc.record({ packages: fc.shuffledSubarray(names, { minLength: 1 }), digest }),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      ),
      packages: fc
        .array(lockedPackage, { minLength: names.length, maxLength: names.length })
        .map((all) => Object.fromEntries(names.map((key, index) => [key, all[index]]))),
    }) as fc.Arbitrary<Lock>;
  });

const zeros = `sha256:${'0'.repeat(64)}`;

/** A lock with one package. */
export const smallLock: Lock = {
  lockVersion: 1,
  request: zeros,
  debian: {
    snapshot: '20261121T000000Z',
    indexes: [
      {
        archive: 'debian',
        suite: 'trixie',
        date: '2026-11-20T08:00:00Z',
        inRelease: zeros,
        packages: zeros,
        sources: zeros,
      },
    ],
  },
  kernel: {
    line: 'linux-6.12',
    version: '6.12.107',
    name: 'linux_6.12.107.orig.tar.xz',
    size: 151_398_592,
    sha256: zeros,
    origins: ['debian:pool/main/l/linux/linux_6.12.107.orig.tar.xz'],
  },
  stub: { package: 'one', path: 'usr/lib/stub.efi', sha256: zeros },
  platforms: {
    lab: {
      firmware: {
        code: { package: 'one', path: 'usr/share/code.fd', sha256: zeros },
        vars: { package: 'one', path: 'usr/share/vars.fd', sha256: zeros },
      },
    },
  },
  roots: { image: { packages: ['one'], digest: zeros } },
  packages: {
    one: {
      version: '1',
      architecture: 'all',
      source: 'one',
      size: 1,
      sha256: zeros,
      origins: ['debian:pool/one.deb'],
    },
  },
};
