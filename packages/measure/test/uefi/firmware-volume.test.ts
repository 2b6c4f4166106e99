import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MeasureError } from '../../src/error.ts';
import { readFirmwareFiles } from '../../src/uefi/firmware-file.ts';
import { readFirmwareSections } from '../../src/uefi/firmware-section.ts';
import { readFirmwareVolume, readFirmwareVolumes } from '../../src/uefi/firmware-volume.ts';
import { decompressLzmaSection, lzmaSectionGuid, readGuidedSection } from '../../src/uefi/guided-section.ts';
import { makeFile, makeGuidedSection, makeSection, makeSections, makeVolume } from '../make-firmware.ts';

const name = '48db5e17-707c-472d-91cd-1613e7ef51b0';
const module = '222c386d-5abc-4fb4-b124-fbb82488acf4';
const contents = Uint8Array.of(1, 2, 3, 4, 5);

function codeOf(read: () => unknown): string {
  try {
    read();
    return 'read';
  } catch (error) {
    if (error instanceof MeasureError) return error.code;
    throw error;
  }
}

/** A copy with other bytes at `at`. */
function changed(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
}

describe('readFirmwareVolume()', () => {
  it('gives name and length, and where files begin', () => {
    const volume = readFirmwareVolume(makeVolume({ name, length: 8192 }));
    expect(volume).toMatchObject({
      name,
      offset: 0,
      fileSystem: '8c8ce578-8a3d-4f1c-9935-896185c32dd3',
      filesOffset: 96,
    });
    expect(volume.bytes.length).toBe(8192);
  });

  it('gives no name without an extension header', () => {
    expect(readFirmwareVolume(makeVolume({}))).toMatchObject({ name: undefined, filesOffset: 72 });
  });

  it('leaves alone what follows the volume', () => {
    expect(readFirmwareVolume(Uint8Array.of(...makeVolume({ name }), 1, 2, 3)).bytes.length).toBe(4096);
  });

  it('refuses what is none', () => {
    const volume = makeVolume({ name });
    expect(codeOf(() => readFirmwareVolume(new Uint8Array(4096)))).toBe('not-found');
    expect(codeOf(() => readFirmwareVolume(volume.subarray(0, 4095)))).toBe('truncated');
    expect(codeOf(() => readFirmwareVolume(volume.subarray(0, 50)))).toBe('truncated');
    expect(codeOf(() => readFirmwareVolume(changed(volume, 44, 1)))).toBe('malformed'); // The checksum.
    expect(codeOf(() => readFirmwareVolume(changed(volume, 55, 1)))).toBe('unsupported'); // The revision.
    expect(codeOf(() => readFirmwareVolume(changed(volume, 48, 16, 0)))).toBe('malformed'); // The header's length.
    expect(codeOf(() => readFirmwareVolume(changed(volume, 88, 255, 255)))).toBe('truncated'); // The extension's.
  });
});

describe('readFirmwareVolumes()', () => {
  it('finds one after the other, and those behind a gap', () => {
    const gap = new Uint8Array(4096).fill(0xff);
    const image = Uint8Array.of(...makeVolume({}), ...makeVolume({ name }), ...gap, ...makeVolume({ name }));
    expect(readFirmwareVolumes(image).map(({ offset }) => offset)).toEqual([0, 4096, 12288]);
  });
});

describe('readFirmwareFiles()', () => {
  const file = makeFile({ name: module, type: 0x06, contents });

  it('passes over pad files, whose name looks like free space', () => {
    const pad = makeFile({ type: 0xf0, contents: new Uint8Array(40) });
    const volume = readFirmwareVolume(makeVolume({ name, files: [pad, file, pad] }));
    expect(readFirmwareFiles(volume)).toEqual([
      { name: module, type: 0x06, offset: 160, contentsOffset: 184, contents },
    ]);
  });

  it('reads a size of 64 bits', () => {
    const large = makeFile({ name: module, type: 0x06, contents, large: true });
    const [read, next] = readFirmwareFiles(readFirmwareVolume(makeVolume({ files: [large, file] })));
    expect(read).toMatchObject({ contents, contentsOffset: 72 + 32 });
    expect(next).toMatchObject({ contents });
  });

  it('refuses a file that does not fit, or is smaller than its header', () => {
    const read = (bytes: Uint8Array) => codeOf(() => readFirmwareFiles(readFirmwareVolume(bytes)));
    const volume = makeVolume({ files: [file] });
    expect(read(volume)).toBe('read');
    expect(read(changed(volume, 72 + 20, 0xff, 0xff, 0))).toBe('truncated');
    expect(read(changed(volume, 72 + 20, 23, 0, 0))).toBe('malformed');
    expect(read(changed(volume, 72 + 20, 0, 0, 0))).toBe('malformed');
  });

  it('throws only errors of its own for any volume', () => {
    const volume = makeVolume({ name, files: [file, makeFile({ type: 0xf0, contents }), file] });
    fc.assert(
      fc.property(fc.integer({ min: 72, max: 260 }), fc.uint8Array({ maxLength: 8 }), (at, values) => {
        const outcome = codeOf(() => readFirmwareFiles(readFirmwareVolume(changed(volume, at, ...values))));
        expect(['read', 'truncated', 'malformed']).toContain(outcome);
      }),
    );
  });
});

describe('readFirmwareSections()', () => {
  it('gives each section at its place', () => {
    const bytes = makeSections(makeSection(0x10, contents), makeSection(0x15, Uint8Array.of(7)));
    expect(readFirmwareSections(bytes)).toEqual([
      { type: 0x10, contentsOffset: 4, contents },
      { type: 0x15, contentsOffset: 16, contents: Uint8Array.of(7) },
    ]);
  });

  it('reads a size of 32 bits', () => {
    const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0x17, 13, 0, 0, 0, ...contents);
    expect(readFirmwareSections(bytes)).toEqual([{ type: 0x17, contentsOffset: 8, contents }]);
  });

  it('refuses a section that does not fit, or is smaller than its header', () => {
    expect(codeOf(() => readFirmwareSections(Uint8Array.of(10, 0, 0, 0x10, 1)))).toBe('truncated');
    expect(codeOf(() => readFirmwareSections(Uint8Array.of(3, 0, 0, 0x10, 1)))).toBe('malformed');
    expect(codeOf(() => readFirmwareSections(Uint8Array.of(0, 0, 0, 0)))).toBe('malformed');
    expect(codeOf(() => readFirmwareSections(Uint8Array.of(0xff, 0xff, 0xff, 0x17, 7, 0, 0, 0)))).toBe(
      'malformed',
    );
  });
});

describe('readGuidedSection()', () => {
  const [section] = readFirmwareSections(makeGuidedSection(lzmaSectionGuid, contents));

  it('gives GUID and data', () => {
    expect(readGuidedSection(section ?? expect.fail())).toEqual({ guid: lzmaSectionGuid, data: contents });
  });

  it('refuses data that begin outside', () => {
    const read = (offset: number) => {
      const bytes = changed(makeGuidedSection(lzmaSectionGuid, contents), 20, offset & 0xff, offset >> 8);
      return codeOf(() => readGuidedSection(readFirmwareSections(bytes)[0] ?? expect.fail()));
    };
    expect([read(24), read(29), read(30), read(23), read(0)]).toEqual([
      'read',
      'read',
      'malformed',
      'malformed',
      'malformed',
    ]);
  });

  it('leaves alone what is compressed otherwise', () => {
    const [other] = readFirmwareSections(makeGuidedSection(module, contents));
    expect(decompressLzmaSection(other ?? expect.fail(), 100)).toBeUndefined();
  });
});
