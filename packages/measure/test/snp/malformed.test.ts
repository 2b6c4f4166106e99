import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Writer } from '../../src/bytes/writer.ts';
import { MeasureError, readSnpFirmware, sevEsLaunchDigest, sevLaunchDigest } from '../../src/index.ts';
import { readGuidedTable } from '../../src/snp/guided-table.ts';
import { makeSevFirmware, ovmfSections } from './make-firmware.ts';

const u32 = (...values: number[]) =>
  values.reduce((writer, value) => writer.u32(value), new Writer()).finish();
const u16 = (value: number) => new Writer().u16(value).finish();

describe('readSnpFirmware() refuses', () => {
  it.each([
    ['no bytes', new Uint8Array(0), 'whole pages'],
    ['half a page', makeSevFirmware().subarray(100), 'whole pages'],
    ['no table', new Uint8Array(4096), 'no table of GUIDed entries'],
    ['a table longer than the file', makeSevFirmware({ overlay: { 50: u16(0xffff) } }), 'does not fit'],
    ['a table shorter than its own end', makeSevFirmware({ overlay: { 50: u16(4) } }), 'does not fit'],
    ['an entry of no length', makeSevFirmware({ overlay: { 68: u16(0) } }), 'does not fit'],
    ['an entry longer than the table', makeSevFirmware({ overlay: { 68: u16(0x400) } }), 'does not fit'],
    ['metadata before the file', makeSevFirmware({ overlay: { 120: u32(0xffffffff) } }), 'before the file'],
    ['metadata of another kind', makeSevFirmware({ overlay: { 2048: u32(0x12345678) } }), 'not "ASEV"'],
    ['metadata of another version', makeSevFirmware({ overlay: { 2040: u32(2) } }), '2 is not known'],
    ['more sections than fit', makeSevFirmware({ overlay: { 2036: u32(0x40000000) } }), 'do not fit'],
    [
      'a section of unknown type',
      makeSevFirmware({ sections: [{ gpa: 0x1000, size: 0x1000, type: 9 }] }),
      '9 is not known',
    ],
    [
      'half a page in a section',
      makeSevFirmware({ sections: [{ gpa: 0x1000, size: 0x800, type: 1 }] }),
      'no range of pages',
    ],
    [
      'an odd address',
      makeSevFirmware({ sections: [{ gpa: 0x1001, size: 0x1000, type: 1 }] }),
      'no range of pages',
    ],
    [
      'gigabytes in a section',
      makeSevFirmware({ sections: [{ gpa: 0, size: 0xfffff000, type: 1 }] }),
      'no range of pages',
    ],
    [
      'two CPUID pages in one section',
      makeSevFirmware({ sections: [{ gpa: 0, size: 0x2000, type: 3 }] }),
      'is one page',
    ],
    [
      'sections that overlap',
      makeSevFirmware({ sections: [...ovmfSections, { gpa: 0x808000, size: 0x1000, type: 1 }] }),
      'overlap',
    ],
  ])('%s', (_, firmware, message) => {
    expect(() => readSnpFirmware(firmware)).toThrow(message);
    expect(() => readSnpFirmware(firmware)).toThrow(MeasureError);
  });
});

describe('readGuidedTable()', () => {
  it('takes the entry nearest to the end where a GUID stands twice', () => {
    const table = readGuidedTable(makeSevFirmware());
    expect([...table.keys()]).toHaveLength(3);
  });
});

describe('whatever the firmware', () => {
  const hostile = fc
    .record({ at: fc.integer({ min: 1, max: 0x900 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }) })
    .map(({ at, bytes }) =>
      makeSevFirmware({ size: 0x1000, overlay: { [Math.max(at, bytes.length)]: bytes } }),
    );

  it('nothing but our own error comes out', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.uint8Array({ minLength: 4096, maxLength: 4096 })), (firmware) => {
        for (const read of [
          () => readSnpFirmware(firmware),
          () => sevLaunchDigest({ firmware, directBoot: { kernel: firmware } }),
          () => sevEsLaunchDigest({ firmware, vcpus: 2, cpuSignature: 0 }),
        ]) {
          try {
            read();
          } catch (error) {
            if (!(error instanceof MeasureError)) throw error;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
