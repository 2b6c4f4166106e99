import { describe, expect, it } from 'vitest';
import { resolvePackages } from '../../src/debian/resolve.ts';
import { BuilderError } from '../../src/error.ts';
import { type PackageFields, packagesText, universeOf } from './index-text.ts';

type Index = readonly (readonly [string, PackageFields?])[];

/** Names and versions of what a request resolves to. */
function resolve(index: Index, wanted: string[], drop: string[] = [], security: Index = []): string[] {
  const universe = universeOf({ trixie: packagesText(index), 'trixie-security': packagesText(security) });
  return resolvePackages(universe, { purpose: 'root "test"', wanted, drop }).map(
    ({ name, version }) => `${name} ${version}`,
  );
}

function refusal(run: () => unknown): BuilderError {
  try {
    run();
  } catch (error) {
    if (error instanceof BuilderError) return error;
    throw error;
  }
  throw new Error('Nothing was refused');
}

describe('resolvePackages()', () => {
  it('takes what is wanted and all that it needs, sorted by name', () => {
    const index: Index = [['b', { preDepends: 'c' }], ['a', { depends: 'b' }], ['c'], ['d']];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'b 1.0-1', 'c 1.0-1']);
  });

  it('takes the highest version over all suites and within one', () => {
    const index: Index = [
      ['a', { version: '1.9' }],
      ['a', { version: '1.10' }],
      ['a', { version: '1.2' }],
    ];
    expect(resolve(index, ['a'])).toEqual(['a 1.10']);
    expect(resolve(index, ['a'], [], [['a', { version: '1.10+deb13u1' }]])).toEqual(['a 1.10+deb13u1']);
    expect(resolve(index, ['a'], [], [['a', { version: '1.3' }]])).toEqual(['a 1.10']);
  });

  it('takes an older version where the relation demands it', () => {
    const index: Index = [
      ['a', { version: '1' }],
      ['a', { version: '2' }],
      ['b', { depends: 'a (<< 2)' }],
    ];
    expect(resolve(index, ['b'])).toEqual(['a 1', 'b 1.0-1']);
  });

  it('takes the first alternative that can be had', () => {
    const index: Index = [['a', { depends: 'missing | b (>= 9) | c | d' }], ['b'], ['c'], ['d']];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'c 1.0-1']);
  });

  it('adds nothing where an alternative is in the set already, whatever the order of asking', () => {
    const index: Index = [['a', { depends: 'b | z' }], ['b'], ['z']];
    expect(resolve(index, ['a', 'z'])).toEqual(['a 1.0-1', 'z 1.0-1']);
    expect(resolve(index, ['z', 'a'])).toEqual(['a 1.0-1', 'z 1.0-1']);
  });

  it('takes the provider of a virtual package, the first by name if there are several', () => {
    const index: Index = [
      ['a', { depends: 'virtual' }],
      ['q', { provides: 'virtual' }],
      ['p', { provides: 'virtual' }],
    ];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'p 1.0-1']);
  });

  it('prefers a real package to one that provides its name', () => {
    const index: Index = [['a', { depends: 'x' }], ['b', { provides: 'x' }], ['x']];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'x 1.0-1']);
  });

  it('takes a versioned Provides for a versioned relation, and no other', () => {
    const index: Index = [
      ['a', { depends: 'v (>= 2)' }],
      ['p', { provides: 'v', version: '9' }],
      ['q', { provides: 'v (= 1)', version: '9' }],
      ['r', { provides: 'v (= 2)' }],
    ];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'r 1.0-1']);
  });

  it('does not take an old version of a provider that no longer provides', () => {
    const index: Index = [
      ['a', { depends: 'v | w' }],
      ['p', { provides: 'v', version: '1' }],
      ['p', { version: '2' }],
      ['w'],
    ];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'w 1.0-1']);
  });

  it('reads :any and :native as this architecture, and takes no other', () => {
    const index: Index = [['a', { depends: 'b:any, c:native' }], ['b'], ['c', { architecture: 'all' }]];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'b 1.0-1', 'c 1.0-1']);
    expect(refusal(() => resolve([['a', { depends: 'b:i386' }], ['b']], ['a'])).details[0]).toMatch(
      /amd64 only/,
    );
    expect(refusal(() => resolve([['a', { architecture: 'arm64' }]], ['a'])).code).toBe('package-not-found');
  });

  it('terminates on a circle of dependencies', () => {
    const index: Index = [
      ['a', { depends: 'b' }],
      ['b', { depends: 'a' }],
    ];
    expect(resolve(index, ['a'])).toEqual(['a 1.0-1', 'b 1.0-1']);
  });

  it('leaves out what is dropped, everywhere or for one package', () => {
    const index: Index = [['a', { depends: 'x, y | z' }], ['b', { depends: 'x' }], ['x'], ['y'], ['z']];
    expect(resolve(index, ['a', 'b'], ['x', 'y'])).toEqual(['a 1.0-1', 'b 1.0-1']);
    expect(resolve(index, ['a'], ['a>x'])).toEqual(['a 1.0-1', 'y 1.0-1']);
    expect(resolve(index, ['a', 'b'], ['a>x'])).toEqual(['a 1.0-1', 'b 1.0-1', 'x 1.0-1', 'y 1.0-1']);
  });

  it('never leaves out what was asked for', () => {
    expect(resolve([['a', { depends: 'x' }], ['x']], ['a', 'x'], ['x'])).toEqual(['a 1.0-1', 'x 1.0-1']);
  });

  it('names a wanted package that does not exist, and similar ones', () => {
    const error = refusal(() => resolve([['golang-go'], ['gnome']], ['golang-og']));
    expect(error.code).toBe('package-not-found');
    expect(error.message).toBe('No package "golang-og" for the root "test" in Debian 13');
    expect(error.hint).toBe('Did you mean "golang-go"?');
  });

  it('says which package needs what, why it cannot be had, and who asked for it', () => {
    const index: Index = [['a', { depends: 'b' }], ['b', { depends: 'c (>= 2) | d' }], ['c']];
    const error = refusal(() => resolve(index, ['a']));
    expect(error.code).toBe('dependency-unsatisfiable');
    expect(error.message).toBe('Package "b" in the root "test" needs "c (>= 2) | d", which cannot be had');
    expect(error.details).toEqual([
      'c (>= 2): the archive has 1.0-1 (trixie)',
      'd: the archive has no such package',
      'a → b (each needs the next)',
    ]);
  });

  it('refuses two versions of one package in a set', () => {
    const index: Index = [
      ['a', { depends: 'c' }],
      ['b', { depends: 'c (= 1)' }],
      ['c', { version: '1' }],
      ['c', { version: '2' }],
    ];
    expect(refusal(() => resolve(index, ['a', 'b'])).details[0]).toBe(
      'c (= 1): the set holds version 2 already',
    );
  });

  it.each([{ conflicts: 'b' }, { breaks: 'b (<< 2)' }, { conflicts: 'v' }])(
    'refuses packages that exclude each other: %o',
    (fields) => {
      const error = refusal(() =>
        resolve(
          [
            ['a', fields],
            ['b', { provides: 'v' }],
          ],
          ['a', 'b'],
        ),
      );
      expect(error.message).toBe('Packages "a" and "b" in the root "test" exclude each other');
    },
  );

  it('lets a package replace what it provides itself', () => {
    expect(
      resolve([['a', { provides: 'v', conflicts: 'v', breaks: 'b (<< 1)' }], ['b']], ['a', 'b']),
    ).toHaveLength(2);
  });

  it.each([
    ['a path out of the pool', 'Filename: pool/main/a/../../../etc/passwd.deb', 'filename'],
    ['an absolute path', 'Filename: /etc/passwd.deb', 'filename'],
    ['no digest', 'SHA256: d41d8cd98f00b204e9800998ecf8427e', 'sha256'],
    ['no size', 'Size: -1', 'size'],
    ['no version', 'Version: $(reboot)', 'version'],
  ])('refuses a package with %s', (_, line, field) => {
    const text = packagesText([['a']]).replace(new RegExp(`^${line.split(':')[0]}:.*$`, 'm'), line);
    const universe = universeOf({ trixie: text });
    const error = refusal(() => resolvePackages(universe, { purpose: 'root', wanted: ['a'], drop: [] }));
    expect(error.code).toBe('index-invalid');
    expect(error.message).toContain(`has the ${field} "`);
  });
});
