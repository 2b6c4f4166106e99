import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ElfError, readElf } from '../../src/app/elf.ts';
import { tinyElf } from './tiny-elf.ts';

describe('readElf()', () => {
  it('reads what decides whether a file can run', () => {
    const loader = '/lib64/ld-linux-x86-64.so.2';
    expect(readElf(tinyElf({ type: 3, interpreter: loader, dynamic: [1n, 14n] }))).toEqual({
      bits: 64,
      littleEndian: true,
      type: 3,
      machine: 62,
      entry: 0x4000e8n,
      interpreter: loader,
      loadable: true,
      needsLibraries: true,
      isLibrary: true,
    });
  });

  it('reads no tag after the end of the dynamic section', () => {
    expect(readElf(tinyElf({ dynamic: [4n, 0n, 1n] })).needsLibraries).toBe(false);
  });

  it('takes an empty segment wherever it claims to lie', () => {
    const file = tinyElf({ dynamic: [] });
    const view = new DataView(file.buffer);
    view.setBigUint64(64 + 56 + 8, 2n ** 63n, true);
    view.setBigUint64(64 + 56 + 32, 0n, true);
    expect(readElf(file).needsLibraries).toBe(false);
  });

  it('refuses a file that is cut short, wherever', () => {
    const file = tinyElf({ interpreter: '/lib/ld-musl-x86_64.so.1' });
    for (let length = 0; length < file.length; length++) {
      expect(() => readElf(file.subarray(0, length)), `${length} bytes`).toThrow(ElfError);
    }
  });

  const outOfBounds: [what: string, change: (view: DataView) => void, message: string][] = [
    ['program headers', (view) => view.setBigUint64(32, 2n ** 64n - 1n, true), 'its program headers ends at'],
    ['a segment', (view) => view.setBigUint64(64 + 8, 2n ** 64n - 1n, true), 'segment 0 ends at'],
    ['a length', (view) => view.setBigUint64(64 + 32, 2n ** 63n, true), 'segment 0 ends at'],
    ['the number of headers', (view) => view.setUint16(56, 0xffff, true), 'it has 65535 program headers'],
    ['the size of headers', (view) => view.setUint16(54, 8, true), 'its program headers have 8 bytes each'],
  ];
  it.each(outOfBounds)('refuses %s out of bounds', (_what, change, message) => {
    const file = tinyElf();
    change(new DataView(file.buffer));
    expect(() => readElf(file)).toThrow(message);
  });

  it('throws nothing but ElfError, whatever the bytes', () => {
    const bytes = fc.tuple(fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 }))), fc.nat(500));
    fc.assert(
      fc.property(bytes, ([changes, length]) => {
        const file = tinyElf({ interpreter: '/lib/x', dynamic: [1n] });
        for (const [at, value] of changes) file[at % file.length] = value;
        try {
          readElf(file.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(ElfError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
