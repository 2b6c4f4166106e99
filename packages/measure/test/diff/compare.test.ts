import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { comparePart, formatOf, MeasureError, type PartDifference } from '../../src/index.ts';
import { makeFat } from '../disk/make-fat.ts';
import { makeDisk } from '../make-disk.ts';
import { makeKernel, makePe, makeUki } from '../make-pe.ts';
import { makeCpio } from './make-cpio.ts';
import { makeElf } from './make-elf.ts';

const compare = (a: Uint8Array, b: Uint8Array, name = 'thing') =>
  comparePart({ name, bytes: a }, { name, bytes: b });

/** The names that lead to a difference, as far as each is the only one. */
function leads(difference: PartDifference | undefined): string[] {
  if (!difference) return [];
  const [only, ...more] = difference.parts;
  return [difference.name, ...(only && more.length === 0 ? leads(only) : [])];
}

function innermost(difference: PartDifference | undefined): PartDifference | undefined {
  const [only, ...more] = difference?.parts ?? [];
  return only && more.length === 0 ? innermost(only) : difference;
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
}

describe('comparePart()', () => {
  it('says nothing of equal contents', () => {
    expect(compare(makePe([]), makePe([]))).toBeUndefined();
  });

  it('leads from an image to the section, the initramfs entry and the ELF section that differ', () => {
    const image = (word: string) => {
      const elf = makeElf({ '.text': ascii('code'), '.rodata': ascii(`built at ${word} by nobody`) });
      return makeUki('257.13-1', {
        '.initrd': makeCpio([
          { name: 'init', data: ascii('x') },
          { name: 'app/hello', data: elf },
        ]),
      });
    };
    const found = compare(image('11:02'), image('11:03'), 'hello.efi');
    expect(leads(found)).toEqual(['hello.efi', '.initrd', 'app/hello', '.rodata']);
    const bytes = innermost(found);
    expect(bytes?.text?.changes).toEqual([
      { side: 'a', line: 1, text: 'built at 11:02 by nobody' },
      { side: 'b', line: 1, text: 'built at 11:03 by nobody' },
    ]);
  });

  it('tells offset, address and bytes of the first difference', () => {
    const elf = (byte: number) => makeElf({ '.text': Uint8Array.of(1, 2, 3, 0, byte, 6, 0xff, 0xfe) });
    expect(innermost(compare(elf(4), elf(9)))?.bytes).toMatchObject({
      offset: 4,
      differingBytes: 1,
      place: { a: '0x400044' },
      a: { hex: '0102030004' + '06fffe' },
      b: { hex: '0102030009' + '06fffe' },
    });
  });

  it('names every field of the PE headers, with the time that a stamp stands for', () => {
    const image = makePe([]);
    const stamp = 0x40 + 8;
    const found = compare(image, changed(image, stamp, 9));
    expect(found?.fields).toEqual([
      { name: 'TimeDateStamp', a: '0x0 (1970-01-01T00:00:00Z)', b: '0x9 (1970-01-01T00:00:09Z)' },
    ]);
    expect(found?.parts).toEqual([]);
  });

  it.each([
    ['mode', { mode: 0o100755 }, { name: 'mode', a: '0644', b: '0755' }],
    ['owner', { uid: 1000 }, { name: 'owner', a: '0:0', b: '1000:0' }],
    ['mtime', { mtime: 60 }, { name: 'mtime', a: '0', b: '60 (1970-01-01T00:01:00Z)' }],
  ])('names the %s of an initramfs entry', (_, change, field) => {
    const archive = (own: object) =>
      makeCpio([
        { name: 'app', data: ascii('same') },
        { name: 'last', ...own },
      ]);
    const found = compare(archive({}), archive(change));
    expect(leads(found)).toEqual(['thing', 'last']);
    expect(innermost(found)?.fields).toEqual([field]);
  });

  it('tells another order of entries, and which are on one side alone', () => {
    const entry = (name: string) => ({ name, data: ascii(name) });
    const found = compare(makeCpio(['a', 'b', 'c'].map(entry)), makeCpio(['b', 'a', 'd'].map(entry)));
    expect(found?.notes[0]).toBe('the order differs: "a" in A stands where "b" does in B');
    expect(found?.parts.map(({ name, change }) => [name, change])).toEqual([
      ['c', 'removed'],
      ['d', 'added'],
    ]);
  });

  it('shows what hides between the parts', () => {
    const image = makePe([{ name: '.osrel', data: ascii('ID=x\n') }]);
    const found = compare(image, changed(image, image.length - 1, 1));
    expect(leads(found)).toEqual(['thing', 'padding between the sections']);
    const elf = makeElf({ '.text': ascii('code') });
    expect(leads(compare(elf, Uint8Array.from([...elf, 7])))).toEqual(['thing', 'bytes in no section']);
  });

  it('numbers parts of one name, so that none hides behind another', () => {
    const archive = (last: string) =>
      makeCpio([{ name: 'x' }, { name: 'x (2)', data: ascii('1') }, { name: 'x', data: ascii(last) }]);
    expect(leads(compare(archive('2'), archive('3')))).toEqual(['thing', 'x (3)']);
  });

  it('leads from a disk to the file on its file system, and names the GUIDs', () => {
    const disk = (content: number) => {
      const fat = makeFat(new Uint8Array(1300).fill(content));
      const bytes = new Uint8Array(2048 * 512 + fat.length);
      bytes.set(makeDisk({ 0: partition(fat.length) }));
      bytes.set(fat, 2048 * 512);
      return bytes;
    };
    const found = compare(disk(1), disk(2));
    expect(found?.format).toBe('GPT disk');
    const names = found?.parts.flatMap(({ name, parts }) => [name, ...parts.map((part) => part.name)]);
    expect(names).toContain('partition 1');
    expect(names).toContain('EFI/BOOT/BOOTX64.EFI');
  });

  it('names kernel configuration options, packages of a lock and registers of measurements', () => {
    const config = (value: string) =>
      ascii(`#\n# Automatically generated file; DO NOT EDIT.\nCONFIG_A=y\n${value}\n`);
    expect(compare(config('CONFIG_B=m'), config('# CONFIG_B is not set'))?.fields).toEqual([
      { name: 'CONFIG_B', a: 'm', b: 'not set' },
    ]);
    const lock = (version: string) =>
      ascii(JSON.stringify({ packages: { libc6: { version, size: 1 }, zlib: {} } }));
    const found = compare(lock('2.41-12'), lock('2.41-13'), 'altee.lock');
    expect(leads(found)).toEqual(['altee.lock', 'packages', 'libc6']);
    expect(innermost(found)?.fields).toEqual([{ name: 'version', a: '2.41-12', b: '2.41-13' }]);
    expect(compare(ascii('{"a":1}'), ascii('{ "a":1}'), 'x.json')?.notes).toEqual([
      'the values are the same; their text differs',
    ]);
  });

  it('tells the same difference once', () => {
    const data = (byte: number) => new Uint8Array(8192).fill(byte);
    const archive = (byte: number) =>
      makeCpio([
        { name: 'a', data: data(byte) },
        { name: 'b', data: data(byte) },
      ]);
    expect(compare(archive(1), archive(2))?.parts.map(({ sameAs }) => sameAs)).toEqual([
      undefined,
      'thing/a',
    ]);
  });

  it('keeps what cannot be taken apart as bytes, and says why', () => {
    const whole = makeCpio([{ name: 'a', data: ascii('1') }]);
    const lying = makeCpio([{ name: 'a', data: ascii('1'), size: 0xffffffff }]);
    const found = compare(whole, lying);
    expect(found?.notes[0]).toMatch(/^B cannot be taken apart: cpio_header\.content at 0x/);
    expect(found?.bytes ?? found?.text).toBeDefined();
    const bomb = Uint8Array.from([
      0x28,
      0xb5,
      0x2f,
      0xfd,
      0x00,
      0x58,
      ...Array.from({ length: 900 }, () => [2, 0, 0x10, 7]).flat(),
    ]);
    const tools = { maxDecompressedBytes: 2 ** 20 };
    const opaque = comparePart({ name: 'z', bytes: bomb }, { name: 'z', bytes: changed(bomb, 9, 8) }, tools);
    expect(opaque?.notes[0]).toMatch(/^A cannot be taken apart: zstd: the content is larger than the limit/);
  });

  it('does not follow parts that overlap each other many times', () => {
    const elf = makeElf(
      Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`.s${index}`, ascii('x')])),
    );
    const view = new DataView(elf.buffer);
    const table = Number(view.getBigUint64(40, true));
    for (let row = table + 64; row + 64 < elf.length; row += 64) {
      view.setBigUint64(row + 24, 0n, true);
      view.setBigUint64(row + 32, BigInt(table), true);
    }
    const found = compare(elf, changed(elf, 70, 9));
    expect(found?.notes[0]).toBe('A cannot be taken apart: its parts overlap each other many times');
  });
});

describe('formats', () => {
  const seeds: readonly (readonly [string, Uint8Array])[] = [
    ['x.efi', makeUki('257.13-1', { '.initrd': ascii('x') })],
    ['kernel', makeKernel()],
    ['x.cpio', makeCpio([{ name: 'a', data: ascii('1') }, { name: 'b' }])],
    ['x.elf', makeElf({ '.text': ascii('code'), '.data': ascii('1') })],
    ['x.disk', makeDisk({ 0: partition(0) })],
    ['x.fat', makeFat(ascii('content'))],
    ['x.json', ascii('{"a":[{"name":"b","c":1}]}')],
  ];

  it.each(seeds)('compare changed bytes of %s and throw nothing', (name, seed) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        (changes) => {
          const bytes = Uint8Array.from(seed);
          for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 4096)] = value;
          const isEqual = bytes.every((byte, index) => byte === seed[index]);
          expect(compare(seed, bytes, name) === undefined).toBe(isEqual);
          try {
            formatOf(bytes, name)?.split(bytes, { decompressors: {}, decompressedBytesLeft: 0 });
          } catch (error) {
            expect(error).toBeInstanceOf(MeasureError);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** An entry of the partition array for that many bytes from sector 2048 on. */
function partition(size: number): Uint8Array {
  const entry = new Uint8Array(128);
  entry.set(
    Uint8Array.of(
      0x28,
      0x73,
      0x2a,
      0xc1,
      0x1f,
      0xf8,
      0xd2,
      0x11,
      0xba,
      0x4b,
      0x00,
      0xa0,
      0xc9,
      0x3e,
      0xc9,
      0x3b,
    ),
  );
  const view = new DataView(entry.buffer);
  view.setBigUint64(32, 2048n, true);
  view.setBigUint64(40, 2048n + BigInt(Math.max(1, size / 512)) - 1n, true);
  return entry;
}
