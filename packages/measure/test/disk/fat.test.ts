import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FatFileSystem, findBootImage, MeasureError } from '../../src/index.ts';
import { makeFat } from './make-fat.ts';

const contents = Uint8Array.from({ length: 1300 }, (_, index) => index % 251);

/** The error's code, as nothing but our own error may come out. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof MeasureError) return error.code;
    throw error;
  }
  return 'none';
}

describe('FatFileSystem', () => {
  it.each([false, true])('reads a file by its path, without case (fragmented: %s)', (fragmented) => {
    const fat = new FatFileSystem(makeFat(contents, { fragmented }));
    expect(fat.read('\\efi\\boot\\BootX64.EFI')).toEqual(contents);
    expect(fat.read('EFI/BOOT/a long bootx\u00e964.efi')).toEqual(contents);
  });

  it('lists a folder with long names, without deleted files, labels and dots', () => {
    const fat = new FatFileSystem(makeFat(contents));
    expect(fat.list('')?.map(({ name }) => name)).toEqual(['EFI']);
    expect(fat.list('\\EFI')?.map(({ name, isFolder }) => [name, isFolder])).toEqual([['BOOT', true]]);
    expect(fat.list('\\EFI\\BOOT')?.map(({ name }) => name)).toEqual([
      'a long bootx\u00e964.efi',
      'BOOTX64.EFI',
    ]);
    expect(fat.list('\\EFI\\BOOT\\BOOTX64.EFI')).toBeUndefined();
  });

  it('says what is missing', () => {
    const fat = new FatFileSystem(makeFat(contents));
    expect(() => fat.read('\\EFI\\x.efi')).toThrow('The file system has no file "\\EFI\\x.efi"');
    expect(() => fat.read('\\EFI')).toThrow('The file system has no file "\\EFI"');
  });

  it('refuses chains that loop, leave the volume or end early', () => {
    const link = (cluster: number, next: number) => {
      const bytes = makeFat(contents);
      new DataView(bytes.buffer).setUint16(512 + 2 * cluster, next, true);
      return refusal(() => new FatFileSystem(bytes).read('\\EFI\\BOOT\\BOOTX64.EFI'));
    };
    expect(link(10, 6000)).toBe('malformed');
    expect(link(10, 1)).toBe('malformed');
    expect(link(10, 0xffff)).toBe('truncated');
    const loop = makeFat(contents);
    const view = new DataView(loop.buffer);
    view.setUint16(512 + 20, 10, true);
    // A size that a loop could fill for long.
    const size = 512 * 21 + 64 * 32 + 512 + 128 + 28;
    view.setUint32(size, 0xffffffff, true);
    expect(refusal(() => new FatFileSystem(loop).read('\\EFI\\BOOT\\BOOTX64.EFI'))).toBe('malformed');
  });

  it('refuses what is no FAT, and what is cut short', () => {
    const bytes = makeFat(contents);
    expect(refusal(() => new FatFileSystem(new Uint8Array(0)))).toBe('not-found');
    expect(refusal(() => new FatFileSystem(new Uint8Array(512)))).toBe('not-found');
    expect(refusal(() => new FatFileSystem(bytes.subarray(0, bytes.length - 512)))).toBe('truncated');
  });

  it('throws nothing but its own error on damaged boot sectors, tables and folders', () => {
    const good = makeFat(contents);
    const places = fc.array(fc.tuple(fc.nat(14_000), fc.nat(255)), { maxLength: 20 });
    fc.assert(
      fc.property(places, (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        refusal(() => findBootImage(bytes));
      }),
      { numRuns: 200 },
    );
  });
});

describe('findBootImage()', () => {
  it('finds the image on a disk that is one file system', () => {
    const { image, gpt } = findBootImage(makeFat(contents));
    expect(image).toEqual(contents);
    expect(gpt).toBe('unpartitioned');
  });
});
