import { describe, expect, it } from 'vitest';
import { Reader } from '../../src/bytes/reader.ts';

describe('Reader', () => {
  it('reads little-endian fields in order', () => {
    const reader = new Reader(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), 'S');
    expect([reader.u8('a'), reader.u16('b'), reader.u32('c'), reader.u64('d')]).toEqual([
      1,
      0x0302,
      0x07060504,
      0x0f0e0d0c0b0a0908n,
    ]);
    expect(reader.remaining).toBe(1);
  });

  it('names structure, field and offset in the file when bytes run out', () => {
    const reader = new Reader(Uint8Array.of(1, 2), 'TCG_PCR_EVENT2', 0x1f4);
    expect(() => reader.u32('pcrIndex')).toThrow('TCG_PCR_EVENT2.pcrIndex at 0x1f4: needs 4 bytes, 2 remain');
  });

  it('reads nothing more after a failed read than before it', () => {
    const reader = new Reader(Uint8Array.of(1, 2), 'S');
    expect(() => reader.u32('a')).toThrow();
    expect(reader.u16('b')).toBe(0x0201);
  });

  it('gives views, not copies', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(new Reader(bytes, 'S').bytes(2, 'a').buffer).toBe(bytes.buffer);
  });

  it('refuses lengths that are no lengths', () => {
    const reader = new Reader(new Uint8Array(16), 'S');
    for (const length of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => reader.bytes(length, 'a')).toThrow('is no possible length');
    }
  });

  it('refuses a u64 length that a number cannot hold', () => {
    const reader = new Reader(new Uint8Array(8).fill(255), 'S');
    expect(() => reader.length64('size')).toThrow(
      'S.size at 0x0: 18446744073709551615 is no possible length',
    );
  });

  it('counts offsets of inner structures from the start of the file', () => {
    const reader = new Reader(new Uint8Array(8), 'Outer');
    reader.skip(4, 'a');
    const inner = reader.within(2, 'b', 'Inner');
    expect(() => inner.u32('c')).toThrow('Inner.c at 0x4: needs 4 bytes, 2 remain');
  });

  it('refuses bytes after the end', () => {
    const reader = new Reader(new Uint8Array(3), 'S');
    reader.u8('a');
    expect(() => reader.end()).toThrow('S at 0x1: 2 bytes stand after its end');
  });
});
