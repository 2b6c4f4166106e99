import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeLock, type Lock, LockError, parseLock } from '../src/index.ts';
import { locks, smallLock } from './support/locks.ts';

const text = encodeLock(smallLock);

function said(lock: string): string[] {
  try {
    parseLock(lock, 'altee.lock');
  } catch (error) {
    if (!(error instanceof LockError)) throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
  throw new Error('The lock is valid');
}

/** The line that holds a text, from 1. */
function lineOf(part: string, within = text): number {
  return within.slice(0, within.indexOf(part)).split('\n').length;
}

describe('encodeLock()', () => {
  test('gives a lock that parseLock() reads back', () => {
    fc.assert(
      fc.property(locks, (lock) => {
        expect(parseLock(encodeLock(lock), 'altee.lock')).toEqual(lock);
      }),
    );
  });

  test('gives the same bytes whatever the order of the keys', () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, member]) => [key, reversed(member)]),
      );
    };
    fc.assert(
      fc.property(locks, (lock) => {
        expect(encodeLock(reversed(lock) as Lock)).toBe(encodeLock(lock));
      }),
    );
  });

  test('ends with one newline and indents by two spaces', () => {
    expect(text).toMatch(/^\{\n {2}"debian": \{\n {4}"indexes": \[\n/);
    expect(text).toMatch(/[^\n]\n$/);
  });
});

describe('parseLock()', () => {
  test('reads a lock in another layout', () => {
    for (const other of [
      JSON.stringify(smallLock),
      text.replaceAll('\n', '\r\n'),
      text.replaceAll('  ', '\t'),
      `\ufeff${text}`,
    ]) {
      expect(parseLock(other, 'altee.lock')).toEqual(smallLock);
    }
  });

  test.each<[string, (lock: string) => string, string, string]>([
    [
      'a wrong digest',
      (t) => t.replace(/"request": "sha256:0/, '"request": "'),
      '"request": ',
      '"request" must be sha256: and 64 hex digits',
    ],
    [
      'a size as text',
      (t) => t.replace('"size": 1,', '"size": "1",'),
      '"size": 1,',
      '"packages.one.size" must be a number',
    ],
    [
      'a size of zero',
      (t) => t.replace('"size": 1,', '"size": 0,'),
      '"size": 1,',
      '"packages.one.size" must be',
    ],
    [
      'an unknown key',
      (t) => t.replace('"suite"', '"siute"'),
      '"suite"',
      'Unknown key "siute" in "debian.indexes[0]"',
    ],
    [
      'another version',
      (t) => t.replace('"lockVersion": 1', '"lockVersion": 2'),
      '"lockVersion"',
      '"lockVersion" must be "1", not 2',
    ],
    [
      'a wrong time',
      (t) => t.replace('2026-11-20T', '2026-11-20 '),
      '2026-11-20T',
      '"debian.indexes[0].date" must be a time in UTC',
    ],
    [
      'an unknown origin',
      (t) => t.replace('"debian:pool/one.deb"', '"ftp:x"'),
      '"debian:pool/one.deb"',
      '"packages.one.origins[0]" must match',
    ],
    [
      'a stub in no package',
      (t) =>
        t.replace(
          '"package": "one",\n    "path": "usr/lib/stub.efi"',
          '"package": "two",\n    "path": "usr/lib/stub.efi"',
        ),
      '"path": "usr/lib/stub.efi"',
      'The package "two" is not under "packages"',
    ],
    [
      'firmware in no package',
      (t) =>
        t.replace(
          '"package": "one",\n          "path": "usr/share/vars.fd"',
          '"package": "two",\n          "path": "usr/share/vars.fd"',
        ),
      '"path": "usr/share/vars.fd"',
      'The package "two" is not under "packages"',
    ],
    [
      'a root with a package that is not there',
      (t) => t.replace('        "one"\n', '        "one",\n        "constructor"\n'),
      '        "one"\n',
      'The package "constructor" is not under "packages"',
    ],
    [
      'a package twice in a root',
      (t) => t.replace('        "one"\n', '        "one",\n        "one"\n'),
      '        "one"\n',
      'The package "one" is listed twice',
    ],
    [
      'a key twice',
      (t) => t.replace('"request":', '"request": "",\n  "request":'),
      '"request":',
      'The key "request" is written twice',
    ],
    [
      'the key __proto__',
      (t) => t.replace('"platforms": {', '"platforms": {\n    "__proto__": {},'),
      '"lab"',
      'The key "__proto__" is not allowed',
    ],
  ])('refuses %s and says where', (_, edit, place, message) => {
    const edited = edit(text);
    expect(edited).not.toBe(text);
    const first = said(edited).find((one) => one.includes(message)) ?? said(edited).join('\n');
    expect(first).toContain(message);
    expect(Math.abs(Number(first.split(':')[0]) - lineOf(place))).toBeLessThanOrEqual(1);
  });

  test('says from where on it is no JSON', () => {
    expect(said(text.replace('"line": "linux-6.12",', '"line": "linux-6.12"'))[0]).toBe(
      `${lineOf('"name"')}:5 The lock is no JSON from here on`,
    );
    expect(said(text.slice(0, 200))[0]).toContain('The lock is no JSON from here on');
    expect(said(`<<<<<<< HEAD\n${text}`)[0]).toBe('1:1 The lock is no JSON from here on');
    expect(said('')[0]).toBe('1:1 The lock is empty');
    expect(said('{}')).toHaveLength(8);
    expect(said('[]')[0]).toContain('The document must be a mapping, not a list');
  });

  test('throws nothing but LockError, whatever it is given', () => {
    const damaged = fc.tuple(fc.nat(text.length), fc.nat(20), fc.string({ unit: 'binary', maxLength: 8 }));
    const inputs = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary' }),
      damaged.map(([at, length, put]) => text.slice(0, at) + put + text.slice(at + length)),
    );
    fc.assert(
      fc.property(inputs, (input) => {
        try {
          parseLock(input, 'altee.lock');
        } catch (error) {
          expect(error).toBeInstanceOf(LockError);
          expect((error as LockError).problems.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('refuses what is far too large, too deep or made of nothing', () => {
    expect(said(' '.repeat(17 * 2 ** 20))[0]).toContain('larger than');
    expect(said(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)[0]).toContain(
      'The nesting is deeper than 16 levels',
    );
  });
});
