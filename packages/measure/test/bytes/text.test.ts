import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatGuid, parseGuid } from '../../src/bytes/guid.ts';
import { fromHex, toHex } from '../../src/bytes/hex.ts';
import { ascii, fromUtf8, fromUtf16, showAscii, utf16z } from '../../src/bytes/text.ts';

describe('fromUtf8()', () => {
  it('reads what the platform encodes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fromUtf8(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });

  it('agrees with the platform on what is well-formed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        let wanted: string | undefined;
        try {
          wanted = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
        } catch {}
        expect(fromUtf8(bytes)).toBe(wanted);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['an overlong form', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a value above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['a lone continuation', [0x80]],
  ])('refuses %s', (_, bytes) => {
    expect(fromUtf8(Uint8Array.from(bytes))).toBeUndefined();
  });
});

describe('UTF-16 and ASCII', () => {
  it('utf16z() ends with a NUL', () => {
    expect(toHex(utf16z('aä'))).toBe('6100e4000000');
  });

  it('fromUtf16() stops at the NUL and ignores an odd last byte', () => {
    expect(fromUtf16(Uint8Array.of(0x61, 0, 0, 0, 0x62, 0))).toBe('a');
    expect(fromUtf16(Uint8Array.of(0x61, 0, 0x62))).toBe('a');
  });

  it('ascii() refuses other characters', () => {
    expect(() => ascii('ä')).toThrow('Not ASCII');
  });

  it('showAscii() never shows control characters', () => {
    expect(showAscii(Uint8Array.of(0x41, 0x1b, 0xff, 0, 0x42))).toBe('A\\x1b\\xff');
  });
});

describe('hex and GUIDs', () => {
  it('fromHex() undoes toHex()', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['0', '0g', ' 00', '0x00'])('fromHex() refuses "%s"', (text) => {
    expect(() => fromHex(text)).toThrow('Not a hex string');
  });

  it('formatGuid() shows an EFI system partition’s type', () => {
    const bytes = fromHex('28732ac11ff8d211ba4b00a0c93ec93b');
    expect(formatGuid(bytes)).toBe('c12a7328-f81f-11d2-ba4b-00a0c93ec93b');
    expect(parseGuid('C12A7328-F81F-11D2-BA4B-00A0C93EC93B')).toEqual(bytes);
  });

  it.each(['', 'c12a7328f81f11d2ba4b00a0c93ec93b', '{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}'])(
    'parseGuid() refuses "%s"',
    (text) => {
      expect(() => parseGuid(text)).toThrow('Not a GUID');
    },
  );
});
