import { describe, expect, it } from 'vitest';
import { compareVersions, satisfies } from '../../src/debian/version.ts';

/**
 * Earlier before later. From Debian Policy §5.6.12 and the cases of dpkg's own test of its comparison; where two
 * stand in one row they are equal.
 */
const ordered: readonly (readonly string[])[] = [
  ['~~'],
  ['~~a'],
  ['~'],
  ['', '0', '0:0', '0-0', '0:0-0', '000', '0-'],
  ['0-0a'],
  ['0a'],
  ['0+b'],
  ['1.0~beta1~svc1'],
  ['1.0~beta1'],
  ['1.0~rc1'],
  ['1.0', '1.00', '01.0', '1.0-0'],
  ['1.0-0.1'],
  ['1.0-1~deb13u1'],
  ['1.0-1'],
  ['1.0-1+b1'],
  ['1.0-1+deb13u1'],
  ['1.0-1.1'],
  ['1.0-2'],
  ['1.0-10'],
  ['1.0a-1'],
  ['1.0+git1-1'],
  ['1.0-1-1'],
  ['1.0.1-1'],
  ['1.2'],
  ['1.10'],
  ['9007199254740993'],
  ['9007199254740994'],
  ['20261121'.padEnd(30, '0')],
  ['1:0'],
  ['1:1.2-1'],
  ['2:0~'],
  ['10:0'],
];

describe('compareVersions()', () => {
  const ranked = ordered.flatMap((versions, rank) => versions.map((version) => ({ version, rank })));
  it.each(ranked)('puts "$version" in its place among all others', ({ version, rank }) => {
    for (const other of ranked) {
      const order = Math.sign(compareVersions(version, other.version)) + 0;
      expect(order, `"${version}" against "${other.version}"`).toBe(Math.sign(rank - other.rank) + 0);
    }
  });
});

describe('satisfies()', () => {
  it.each([
    ['2', '<<', '2', false],
    ['2', '<=', '2', true],
    ['2', '=', '2', true],
    ['2', '>=', '2', true],
    ['2', '>>', '2', false],
    ['2', '<', '2', true],
    ['2', '>', '2', true],
    ['1', '<<', '2', true],
    ['1', '>=', '2', false],
    ['1:1', '>>', '2', true],
  ] as const)('says of %s %s %s: %s', (version, relation, wanted, answer) => {
    expect(satisfies(version, relation, wanted)).toBe(answer);
  });
});
