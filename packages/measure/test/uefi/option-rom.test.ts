import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import { MeasureError } from '../../src/index.ts';
import { decompressUefi } from '../../src/uefi/decompress.ts';
import { readOptionRomDrivers } from '../../src/uefi/option-rom.ts';

/** Bits written most significant first. */
function pack(...fields: readonly (readonly [value: number, bits: number])[]): Uint8Array {
  const bits = fields.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, i) => (value >> (count - 1 - i)) & 1),
  );
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (bit << (7 - (i & 7)));
  });
  return bytes;
}

function compressed(size: number, data: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(4, size, true);
  return concatBytes([header, data]);
}

describe('decompressUefi()', () => {
  it('unpacks a block of one byte over and over', () => {
    // Four symbols; no lengths are sent: the only literal is "A" and takes no bits.
    const data = pack([4, 16], [0, 5], [0, 5], [0, 9], [0x41, 9], [0, 4], [0, 4]);
    expect(decompressUefi(compressed(4, data))).toEqual(ascii('AAAA'));
  });

  it('copies a string from one byte before', () => {
    // Two symbols in codes of one bit: 0 is "A", 1 a string of three; its distance is 1 (position 0).
    const lengthsOf: [number, number][] = [
      // Lengths of the length code: symbols 0 to 3, with 2 bits for 2 (a run of zeros) and for 3 (length 1).
      [4, 5],
      [0, 3],
      [0, 3],
      [1, 3],
      [0, 2],
      [1, 3],
    ];
    const runs: [number, number][] = [
      [257, 9],
      [0, 1],
      [0x41 - 20, 9], // 65 zeros: symbol 2 is code 0
      [1, 1], // length 1 for "A": symbol 3 is code 1
      [0, 1],
      [190 - 20, 9], // 190 zeros, up to 255
      [1, 1], // length 1 for 256, a string of three
    ];
    const data = pack([2, 16], ...lengthsOf, ...runs, [0, 4], [0, 4], [0, 1], [1, 1]);
    expect(decompressUefi(compressed(4, data))).toEqual(ascii('AAAA'));
  });

  it('refuses a string that begins before the data', () => {
    const data = pack([1, 16], [0, 5], [0, 5], [0, 9], [256, 9], [0, 4], [0, 4]);
    expect(() => decompressUefi(compressed(4, data))).toThrow('begins before the data');
  });

  it('refuses what would unpack to more than 16 MiB, and data that ends too early', () => {
    expect(() => decompressUefi(compressed(0x7fff_ffff, new Uint8Array(4)))).toThrow('too much');
    expect(() => decompressUefi(compressed(4, new Uint8Array(0)))).toThrow('ends before');
  });

  it('throws nothing but a MeasureError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 5000 }), (data, size) => {
        try {
          expect(decompressUefi(compressed(size, data))).toHaveLength(size);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
    );
  });
});

/** A ROM image of one block; `fields` are offset → 16-bit value. */
function romImage(codeType: number, last: boolean, fields: Record<number, number>, driver = ''): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xaa55, true);
  view.setUint16(0x18, 0x20, true);
  bytes.set(ascii('PCIR'), 0x20);
  view.setUint16(0x30, 1, true);
  view.setUint8(0x34, codeType);
  view.setUint8(0x35, last ? 0x80 : 0);
  for (const [at, value] of Object.entries(fields)) view.setUint16(Number(at), value, true);
  bytes.set(ascii(driver), 0x40);
  return bytes;
}

const efi = { 2: 1, 4: 0x0ef1, 8: 11, 10: 0x8664, 12: 0, 22: 0x40 };

describe('readOptionRomDrivers()', () => {
  it('finds the drivers for x86-64 among the images', () => {
    const rom = concatBytes([
      romImage(0, false, {}),
      romImage(3, false, { ...efi, 10: 0xaa64 }, 'other processor'),
      romImage(3, false, efi, 'driver'),
      romImage(3, true, { ...efi, 8: 10 }, 'application'),
      ascii('padding'),
    ]);
    const drivers = readOptionRomDrivers(rom);
    expect(drivers.map((driver) => driver.length)).toEqual([512 - 0x40]);
    expect(drivers[0]?.subarray(0, 6)).toEqual(ascii('driver'));
  });

  it('has no answer for another compression', () => {
    expect(() => readOptionRomDrivers(romImage(3, true, { ...efi, 12: 2 }))).toThrow('compression 2');
  });

  it('refuses a driver that goes past the end of the ROM', () => {
    expect(() => readOptionRomDrivers(romImage(3, true, { ...efi, 2: 9 }))).toThrow('past the end');
  });

  it('throws nothing but a MeasureError, and ends', () => {
    const rom = romImage(3, true, efi);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(0x60), fc.nat(255))), (changes) => {
        const changed = Uint8Array.from(rom);
        for (const [at, value] of changes) changed[at] = value;
        try {
          readOptionRomDrivers(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
    );
  });
});
