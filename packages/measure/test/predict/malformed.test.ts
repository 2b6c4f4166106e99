import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { authenticodeDigest, MeasureError, predictTpm, readPe } from '../../src/index.ts';
import { type MadeSection, makeKernel, makePe, makeUki } from '../make-pe.ts';

const uki = makeUki('257.13', {
  '.cmdline': ascii('quiet'),
  '.initrd': ascii('initrd'),
  '.linux': makeKernel(),
});
const magic: MadeSection = { name: '.sdmagic', data: ascii('#### LoaderInfo: systemd-stub 257 ####') };

function predictStatuses(bytes: Uint8Array): string[] {
  const { registers } = predictTpm({ uki: bytes, machine: { secureBoot: 'off' }, banks: ['sha1'] });
  return registers.map(({ status, reason }) => `${status}: ${reason}`);
}

describe('predictTpm() of hostile images', () => {
  it('throws nothing but MeasureError when headers are changed', () => {
    const headers = fc.integer({ min: 0, max: 0x220 });
    fc.assert(
      fc.property(headers, fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, patch) => {
        const bytes = uki.slice();
        bytes.set(patch, at);
        try {
          predictStatuses(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('throws nothing but MeasureError wherever the image is cut', () => {
    for (let length = 0; length < uki.length; length += 97) {
      try {
        predictStatuses(uki.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(MeasureError);
      }
    }
  });

  it('does not make up the 4 GiB that a section claims', () => {
    const bytes = makePe([magic, { name: '.linux', data: makeKernel(), virtualSize: 0xffff_f000 }]);
    const reason = expect.stringContaining('Cannot load section ".linux": it asks for');
    expect(predictStatuses(bytes)[4]).toEqual(reason);
    expect(predictStatuses(bytes)[11]).toEqual(reason);
  });

  it('names the section that the file ends in', () => {
    const whole = makePe([magic, { name: '.linux', data: makeKernel() }]);
    expect(predictStatuses(whole.subarray(0, 0xd00))[11]).toBe(
      'unpredictable: Cannot read section ".linux": its 2048 bytes at 0xc00 reach past the end of the file (0xd00)',
    );
  });
});

describe('authenticodeDigest() of hostile images', () => {
  it('does not hash the same bytes again for every section', () => {
    const bytes = makePe(
      Array.from({ length: 20 }, (_, index) => ({ name: `.${index}`, data: ascii('x') })),
      {
        sizeOfHeaders: 0x800,
      },
    );
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < 21; index++) {
      view.setUint32(0x148 + 40 * index + 16, bytes.length - 0x800, true);
      view.setUint32(0x148 + 40 * index + 20, 0x800, true);
    }
    expect(() => authenticodeDigest(bytes, readPe(bytes), 'sha256')).toThrow(
      'Authenticode digest: section ".0" overlaps another one',
    );
  });

  it('refuses a certificate table larger than what follows the sections', () => {
    const bytes = makePe([], {
      overlay: { [0x58 + 112 + 4 * 8 + 4]: Uint8Array.of(0xff, 0xff, 0xff, 0xff) },
    });
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes);
    expect(() => authenticodeDigest(longer, readPe(longer), 'sha256')).toThrow('certificate table is larger');
  });
});
