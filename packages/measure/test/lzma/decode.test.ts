import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import { ascii } from '../../src/bytes/text.ts';
import { MeasureError } from '../../src/error.ts';
import { decodeLzma } from '../../src/lzma/decode.ts';
import { readOvmf } from '../../src/uefi/ovmf.ts';
import { haveOvmf, ovmfFile } from '../ovmf-files.ts';

/**
 * Made by liblzma 5.4 (Python's `lzma.compress(data, FORMAT_ALONE, filters=[{id: FILTER_LZMA1, dict_size: 4096, lc,
 * lp, pb}])`): with an end marker and no size.
 */
const repeated = 'abcabcabcabcabcabcabcabcX'.repeat(3);
const streams = [
  { text: '', hex: '5d00100000ffffffffffffffff0083fffbffffc0000000' },
  { text: '', hex: 'd800100000ffffffffffffffff0083fffbffffc0000000' },
  { text: 'a', hex: '5d00100000ffffffffffffffff0030c1fbffffffe0000000' },
  { text: 'a', hex: 'd800100000ffffffffffffffff0030c1fbffffffe0000000' },
  { text: 'a', hex: '0400100000ffffffffffffffff0030c3ebffffffe1000000' },
  { text: repeated, hex: '5d00100000ffffffffffffffff00309888aaed9d13c543691ee7fffff5d18000' },
  { text: repeated, hex: 'd800100000ffffffffffffffff0030988876061162c54f7243f3fffff786c000' },
  { text: repeated, hex: '0400100000ffffffffffffffff0030994ddf3071feb11b74ed83fffff62f8000' },
];
const limit = { maxOutputBytes: 2 ** 20 };

/** The same stream with a size in its header; the end marker is then not reached. */
function withSize(hex: string, size: number): Uint8Array {
  const bytes = fromHex(hex);
  new DataView(bytes.buffer).setBigUint64(5, BigInt(size), true);
  return bytes;
}

describe('decodeLzma()', () => {
  it.each(streams)('decodes $hex', ({ text, hex }) => {
    expect(decodeLzma(fromHex(hex), limit)).toEqual(ascii(text));
  });

  it.each(streams)('stops at the size that the header tells, in $hex', ({ text, hex }) => {
    expect(decodeLzma(withSize(hex, text.length), limit)).toEqual(ascii(text));
  });

  it('leaves bytes after the end marker alone', () => {
    expect(decodeLzma(fromHex(`${streams[2]?.hex}0123456789`), limit)).toEqual(ascii('a'));
  });

  it.skipIf(!haveOvmf)('unpacks the volumes of OVMF in well under a second', async () => {
    const code = await ovmfFile('2022.11', 'OVMF_CODE_4M.fd');
    const before = process.cpuUsage();
    const { pei, dxe } = readOvmf(Uint8Array.from(code));
    const { user } = process.cpuUsage(before);
    expect(pei.bytes.length + dxe.bytes.length).toBe(0xce0000);
    // As a real boot measured it (ovmf-boots 01).
    expect(createHash('sha256').update(dxe.bytes).digest('hex').slice(0, 16)).toBe('82a0445201cb4994');
    expect(user / 1e6).toBeLessThan(1.5);
  });
});

describe('decodeLzma() refuses', () => {
  const [, , one] = streams;
  const good = fromHex(one?.hex ?? '');
  const codeOf = (bytes: Uint8Array, maxOutputBytes = limit.maxOutputBytes): string => {
    try {
      decodeLzma(bytes, { maxOutputBytes });
      return 'decoded';
    } catch (error) {
      if (error instanceof MeasureError) return error.code;
      throw error;
    }
  };

  it('a stream that is cut anywhere', () => {
    const { hex } = streams.at(-1) ?? expect.fail();
    const whole = fromHex(hex);
    // The last bytes of an encoder's flush need not be read.
    for (let length = 0; length < whole.length - 4; length++) {
      expect(`${length} ${codeOf(whole.subarray(0, length))}`).toBe(`${length} truncated`);
    }
  });

  it('properties that the format does not have', () => {
    expect(codeOf(Uint8Array.of(225, ...good.subarray(1)))).toBe('malformed');
  });

  it('a first byte that is not zero', () => {
    const bytes = Uint8Array.from(good);
    bytes[13] = 1;
    expect(codeOf(bytes)).toBe('malformed');
  });

  it('an output above the limit, told or found', () => {
    expect(codeOf(withSize(repeatedHex(), 75), 74)).toBe('unsupported');
    expect(codeOf(fromHex(repeatedHex()), 74)).toBe('malformed');
  });

  it('a size that so short an input cannot hold, before it allocates anything', () => {
    expect(codeOf(withSize(repeatedHex(), 2 ** 40), Number.MAX_SAFE_INTEGER)).toBe('truncated');
    const absurd = Uint8Array.from(good);
    absurd.set(fromHex('feffffffffffffff'), 5);
    expect(codeOf(absurd, Number.MAX_SAFE_INTEGER)).toBe('malformed');
  });

  it('an end marker before the size is reached', () => {
    expect(codeOf(withSize(repeatedHex(), 76))).toBe('malformed');
  });

  it('a match that goes past the size', () => {
    expect(codeOf(withSize(repeatedHex(), 10))).toBe('malformed');
  });

  it('a match that reaches back before the start', () => {
    // The first symbol is a repeated match: all bits of the code are ones.
    expect(codeOf(fromHex('5d001000000a0000000000000000ffffffffffffffffffff'))).toBe('malformed');
  });

  it('whatever is no stream, with an error of its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), (tail, size) => {
        const bytes = Uint8Array.of(
          0x5d,
          0,
          0x10,
          0,
          0,
          size & 0xff,
          size >> 8,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          ...tail,
        );
        expect(['decoded', 'truncated', 'malformed', 'unsupported']).toContain(codeOf(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('a stream with flipped bits, with an error of its own, or decodes to no more than the limit', () => {
    const whole = fromHex(repeatedHex());
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = Uint8Array.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        expect(['decoded', 'truncated', 'malformed', 'unsupported']).toContain(codeOf(bytes, 4096));
      }),
      { numRuns: 2000 },
    );
  });
});

function repeatedHex(): string {
  return streams.at(-3)?.hex ?? '';
}
