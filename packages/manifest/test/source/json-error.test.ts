import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonErrorOffset } from '../../src/source/json-error.ts';

describe('jsonErrorOffset()', () => {
  test.each([
    ['', 0],
    ['  ', 2],
    ['<<<', 0],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['{a: 1}', 1],
    ['[1 2]', 3],
    ['[1,]', 3],
    ['[}', 1],
    ['{"a":"b', 5],
    ['{"a":"\n"}', 5],
    ['["\\x"]', 1],
    ['[01]', 2],
    ['{"a":1} x', 8],
    ['{"a":[1,{"b":tru}]}', 13],
  ])('of %j is %i', (text, offset) => {
    expect(jsonErrorOffset(text)).toBe(offset);
  });

  test('of JSON that is cut is its end, or the start of the token that was cut', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, at) => {
        const text = `[${json}]`;
        const cut = text.slice(0, at % text.length);
        const offset = jsonErrorOffset(cut);
        expect(cut.slice(offset)).toMatch(/^(?:"[\s\S]*|[\w.+-]*)$/);
      }),
    );
  });

  test('of JSON is its end', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(jsonErrorOffset(json)).toBe(json.length);
      }),
    );
  });
});
