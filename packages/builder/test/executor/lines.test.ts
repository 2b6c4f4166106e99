import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../src/executor/lines.ts';
import { printable } from '../../src/executor/printable.ts';

function split(...chunks: Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}
const bytes = (text: string) => new TextEncoder().encode(text);

describe('LineSplitter', () => {
  it('joins chunks, drops carriage returns at ends of lines, and gives a last line without newline', () => {
    expect(split(bytes('one\r\ntw'), bytes('o\n\nthree'))).toEqual(['one', 'two', '', 'three']);
  });

  it('keeps characters whole that a chunk cuts, and marks bytes that are no UTF-8', () => {
    const [first = 0, second = 0] = bytes('ü');
    expect(split(Uint8Array.of(first), Uint8Array.of(second, 0xff, 10))).toEqual(['ü\ufffd']);
  });

  it('cuts a line that never ends', () => {
    const lines = split(...Array.from({ length: 64 }, () => new Uint8Array(1024).fill(97)));
    expect(Math.max(...lines.map((line) => line.length))).toBe(16 * 1024);
    expect(lines.join('')).toHaveLength(64 * 1024);
  });

  it('gives the same lines however the bytes come', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'ü', '\n', '€') }),
        fc.integer({ min: 1, max: 7 }),
        (text, size) => {
          const whole = bytes(text);
          const parts: Uint8Array[] = [];
          for (let at = 0; at < whole.length; at += size) parts.push(whole.subarray(at, at + size));
          expect(split(...parts)).toEqual(split(whole));
        },
      ),
    );
  });
});

describe('printable()', () => {
  it('writes out whatever steers a terminal, and nothing else', () => {
    expect(printable('\u001b[2J\u0007\u009b\u2028\u202e\u0000')).toBe(
      '\\x1b[2J\\x07\\x9b\\u2028\\u202e\\x00',
    );
    expect(printable('tab\tümlaut 漢字 🙂')).toBe('tab\tümlaut 漢字 🙂');
  });
});
