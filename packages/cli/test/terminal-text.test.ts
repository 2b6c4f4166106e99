import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, wrapLine } from '../src/report/terminal-text.ts';

describe('formatBytes()', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [4_661_248, '4.7 MB'],
    [1_500_000_000_000, '1.5 TB'],
    [9e18, '9000000.0 TB'],
  ])('%d is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [999_999_999, '1.0 GB'],
  ])('rounds %d up to %s, never to a thousand', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatDuration()', () => {
  it.each([
    [0, '0.0 s'],
    [440, '0.4 s'],
    [9949, '9.9 s'],
    [9960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [3_600_000, '60 min 00 s'],
  ])('%d ms are %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));
});

describe('wrapLine()', () => {
  it('gives parts that fit beside the margin, whatever the characters', () => {
    expect(wrapLine('abcdefgh', 6)).toEqual(['abcd', 'efgh']);
    expect(wrapLine('ab漢字c', 6)).toEqual(['ab漢', '字c']);
    expect(wrapLine('', 6)).toEqual(['']);
    expect(wrapLine('x'.repeat(100), 80).map((part) => part.length)).toEqual([78, 22]);
  });

  it('leaves lines whole where there is no terminal', () => {
    expect(wrapLine('x'.repeat(1000), undefined)).toHaveLength(1);
  });
});
