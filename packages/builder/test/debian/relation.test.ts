import { describe, expect, it } from 'vitest';
import { describeRelation, parseRelations } from '../../src/debian/relation.ts';

describe('parseRelations()', () => {
  it('reads clauses, alternatives, versions and qualifiers', () => {
    expect(parseRelations('libc6 (>= 2.38), debconf (>= 0.5)|debconf-2.0 , python3:any ( << 1:2~ )')).toEqual(
      [
        [{ name: 'libc6', version: { relation: '>=', wanted: '2.38' } }],
        [{ name: 'debconf', version: { relation: '>=', wanted: '0.5' } }, { name: 'debconf-2.0' }],
        [{ name: 'python3', qualifier: 'any', version: { relation: '<<', wanted: '1:2~' } }],
      ],
    );
  });

  it('reads no relation in an empty field', () => {
    expect(parseRelations('')).toEqual([]);
  });

  it.each(['a (1)', 'a (>= )', 'a (>= 1', 'A', 'a b', 'a (~> 1)', '../x', 'a [amd64]'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseRelations(text)).toThrow(/Cannot read/);
    },
  );
});

describe('describeRelation()', () => {
  it.each(['a', 'a:any', 'a (>= 1)', 'a:i386 (<< 2)'])('writes "%s" as it was read', (text) => {
    expect(parseRelations(text)[0]?.map(describeRelation)).toEqual([text]);
  });
});
