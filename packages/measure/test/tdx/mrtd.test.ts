import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { MeasureError } from '../../src/error.ts';
import type { Hasher } from '../../src/hash.ts';
import { computeMrtd } from '../../src/tdx/mrtd.ts';
import { solveMrtdOrder } from '../../src/tdx/solve.ts';
import { parseTdvf } from '../../src/tdx/tdvf.ts';
import { makeTdFirmware, plainSections, type SectionFields } from './make-firmware.ts';

const native: Hasher = (algorithm) => createHash(algorithm);

/** The same from the TDX module's description, written in another way: a list of all operations, hashed at once. */
function mrtdByTheBook(file: Uint8Array, sections: readonly SectionFields[], twoPass: boolean): string {
  const operations: { pass: number; bytes: Buffer }[] = [];
  for (const [index, section] of sections.entries()) {
    const contents = Buffer.alloc(Number(section.memorySize));
    const from = section.dataOffset ?? 0;
    Buffer.from(file.subarray(from, from + (section.rawSize ?? 0))).copy(contents);
    for (let at = 0; at < contents.length; at += 4096) {
      const add = Buffer.alloc(128);
      add.write('MEM.PAGE.ADD', 'latin1');
      add.writeBigUInt64LE(BigInt(section.gpa) + BigInt(at), 16);
      operations.push({ pass: 2 * index, bytes: add });
      if (((section.attributes ?? 0) & 1) === 0) continue;
      for (let chunk = at; chunk < at + 4096; chunk += 256) {
        const extend = Buffer.alloc(128);
        extend.write('MR.EXTEND', 'latin1');
        extend.writeBigUInt64LE(BigInt(section.gpa) + BigInt(chunk), 16);
        const bytes = Buffer.concat([extend, contents.subarray(chunk, chunk + 256)]);
        operations.push({ pass: 2 * index + (twoPass ? 1 : 0), bytes });
      }
    }
  }
  const sorted = operations.toSorted((a, b) => a.pass - b.pass).map(({ bytes }) => bytes);
  return createHash('sha384').update(Buffer.concat(sorted)).digest('hex');
}

describe('computeMrtd()', () => {
  const file = makeTdFirmware();

  it('hashes each page’s address and, where the section asks for it, its contents', () => {
    const tdvf = parseTdvf(file);
    expect(toHex(computeMrtd(file, tdvf, 'single-pass', native))).toBe(
      mrtdByTheBook(file, plainSections, false),
    );
    expect(toHex(computeMrtd(file, tdvf, 'two-pass', native))).toBe(mrtdByTheBook(file, plainSections, true));
    expect(toHex(computeMrtd(file, tdvf, 'two-pass'))).toBe(mrtdByTheBook(file, plainSections, true));
  });

  it('fills a section with zeros behind its contents', () => {
    const sections = [
      { type: 0, dataOffset: 0, rawSize: 0x1234, gpa: 0x100000, memorySize: 0x3000, attributes: 1 },
    ];
    const firmware = makeTdFirmware(sections);
    expect(toHex(computeMrtd(firmware, parseTdvf(firmware), 'single-pass', native))).toBe(
      mrtdByTheBook(firmware, sections, false),
    );
  });

  it('leaves out pages that the VMM gives later', () => {
    const augmented = { type: 4, gpa: 0x900000, memorySize: 0x1000, attributes: 2 };
    const firmware = makeTdFirmware([...plainSections, augmented]);
    expect(toHex(computeMrtd(firmware, parseTdvf(firmware), 'single-pass', native))).toBe(
      mrtdByTheBook(firmware, plainSections, false),
    );
  });

  it('changes with one byte of the code, and not with the variables', () => {
    const mrtd = (at: number): string => {
      const firmware = makeTdFirmware(plainSections, (bytes) => {
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      });
      return toHex(computeMrtd(firmware, parseTdvf(firmware), 'single-pass', native));
    };
    expect(mrtd(0x3000)).not.toBe(mrtd(0x3001));
    expect(mrtd(0x100)).toBe(mrtd(0x101));
  });
});

describe('solveMrtdOrder()', () => {
  it('names the order of the VMM, or none', () => {
    const file = makeTdFirmware();
    for (const order of ['single-pass', 'two-pass'] as const)
      expect(solveMrtdOrder(computeMrtd(file, parseTdvf(file), order, native), file, native)).toBe(order);
    expect(solveMrtdOrder(new Uint8Array(48), file, native)).toBeUndefined();
  });
});

describe('parseTdvf() of hostile metadata', () => {
  const [code, ...others] = plainSections;
  const withCode = (change: Partial<SectionFields>): Uint8Array =>
    makeTdFirmware([{ type: 0, gpa: 0xffffa000, memorySize: 0x6000, ...code, ...change }, ...others]);

  it.each<[string, Uint8Array, RegExp]>([
    ['no table of GUIDs', new Uint8Array(0x8000), /no TDVF metadata/],
    ['an empty file', new Uint8Array(0), /no TDVF metadata/],
    ['sections that overlap', withCode({ gpa: 0xffff9000 }), /overlaps another one/],
    ['contents past the end of the file', withCode({ dataOffset: 0x2001 }), /past the end of the file/],
    ['a section above 4 GiB', withCode({ gpa: 0x1_0000_0000n }), /above 4 GiB/],
    ['a section that reaches above 4 GiB', withCode({ memorySize: 0x7000 }), /above 4 GiB/],
    ['a size beyond all numbers', withCode({ memorySize: 0xffff_ffff_ffff_f000n }), /no possible length/],
    ['half a page', withCode({ memorySize: 0x6800 }), /not whole pages/],
    ['no memory', withCode({ memorySize: 0, rawSize: 0 }), /not whole pages/],
    ['more contents than memory', withCode({ memorySize: 0x5000 }), /24576 bytes in 20480 of memory/],
    ['a type that nobody knows', withCode({ type: 9 }), /Type at .*: 9 is not known/],
    ['attributes that nobody knows', withCode({ attributes: 4 }), /Attributes/],
  ])('refuses %s', (_, file, message) => {
    expect(() => parseTdvf(file)).toThrow(MeasureError);
    expect(() => parseTdvf(file)).toThrow(message);
  });

  it.each<[string, (file: Uint8Array, descriptor: number) => void, RegExp]>([
    ['another signature', (file, at) => file.set([0], at), /not "TDVF"/],
    ['another version', (file, at) => file.set([2], at + 8), /2 is not 1/],
    [
      'a number of sections that the length denies',
      (file, at) => file.set([255, 255], at + 12),
      /65535 sections/,
    ],
    [
      'a descriptor before the file',
      (file) => file.set([0xff, 0xff, 0xff], 0x8000 - 32 - 40),
      /more than the file has/,
    ],
    ['an entry of no length', (file) => file.set([0, 0], 0x8000 - 32 - 36), /0 is no possible length/],
  ])('refuses %s', (_, patch, message) => {
    expect(() => parseTdvf(makeTdFirmware(plainSections, patch))).toThrow(message);
  });

  it('throws nothing but a MeasureError, whatever stands in the last part of the file', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 0xfff }), fc.nat({ max: 255 })), { maxLength: 8 }),
        (changes) => {
          const file = makeTdFirmware(plainSections, (bytes) => {
            for (const [at, value] of changes) bytes[0x7000 + at] = value;
          });
          try {
            parseTdvf(file);
          } catch (error) {
            expect(error).toBeInstanceOf(MeasureError);
          }
        },
      ),
    );
  });
});
