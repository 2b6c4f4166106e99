import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authenticodeDigest, checkUki, MeasureError, readPe } from '../../src/index.ts';
import { makeKernel, makePe, makeUki } from '../make-pe.ts';

const uki = makeUki('257.13-1', { '.linux': makeKernel(), '.initrd': Uint8Array.of(1, 2, 3) });

describe('readPe()', () => {
  it('reads headers and section table', () => {
    const pe = readPe(uki);
    expect(pe).toMatchObject({ format: 'PE32+', machine: 0x8664, subsystem: 10, imageBase: 0x1_4000_0000n });
    expect(pe.sections.map(({ name }) => name)).toEqual(['.text', '.sdmagic', '.linux', '.initrd']);
    expect(pe.sections.at(-1)).toMatchObject({
      virtualSize: 3,
      rawSize: 0x200,
      rawOffset: uki.length - 0x200,
    });
  });

  it('names the section header that is cut', () => {
    expect(() => readPe(uki.subarray(0, 0x160))).toThrow(
      /^IMAGE_FILE_HEADER\.section table at 0x148: needs 160 bytes, 24 remain$/,
    );
  });

  it('refuses a PE offset past the end', () => {
    const bytes = makePe([], { overlay: { 60: Uint8Array.of(0xff, 0xff, 0xff, 0x7f) } });
    expect(() => readPe(bytes)).toThrow(
      'IMAGE_DOS_HEADER.e_lfanew at 0x3c: points to 2147483647, past the end',
    );
  });

  it('refuses more data directories than the optional header holds', () => {
    const bytes = makePe([], { overlay: { [0x40 + 24 + 108]: Uint8Array.of(0xff, 0xff, 0xff, 0xff) } });
    expect(() => readPe(bytes)).toThrow('4294967295 entries do not fit');
  });
});

describe('Hostile PE files', () => {
  it('give MeasureErrors wherever they are cut', () => {
    for (let length = 0; length < 0x148 + 4 * 40; length++) {
      expect(() => readPe(uki.subarray(0, length))).toThrow(MeasureError);
    }
  });

  it('give problems or digests, and never another error', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0x1ff }),
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        (at, patch) => {
          const bytes = uki.slice();
          bytes.set(patch, at);
          checkUki(bytes);
          try {
            authenticodeDigest(bytes, readPe(bytes), 'sha256');
          } catch (error) {
            expect(error).toBeInstanceOf(MeasureError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('of any bytes give no other error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1024 }), (tail) => {
        expect(checkUki(Uint8Array.of(0x4d, 0x5a, ...tail)).length).toBeGreaterThan(0);
      }),
    );
  });
});
