import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64 } from '../../src/bytes/base64.ts';
import { utf8 } from '../../src/bytes/utf8.ts';

describe('utf8()', () => {
  it('gives the bytes that every other encoder gives, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  it('writes a lone surrogate as U+FFFD', () => {
    expect(utf8('\ud800a')).toEqual(Uint8Array.of(0xef, 0xbf, 0xbd, 0x61));
  });
});

describe('toBase64()', () => {
  it('gives the text that every other encoder gives, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
  });
});
