import { describe, expect, it } from 'vitest';
import { MeasureError } from '../../src/error.ts';
import { lzmaSectionGuid } from '../../src/uefi/guided-section.ts';
import { readOvmf } from '../../src/uefi/ovmf.ts';
import { makeFile, makeGuidedSection, makeVolume } from '../make-firmware.ts';
import { haveOvmf, type OvmfPackage, ovmfFile } from '../ovmf-files.ts';

interface Wanted {
  readonly version: string;
  readonly stableTag: number | undefined;
  readonly secureBoot: boolean;
  readonly smm: boolean;
  /** Address and size in memory, as real logs tell them (ovmf-boots, EV_EFI_PLATFORM_FIRMWARE_BLOB). */
  readonly pei: readonly [number, number];
  readonly dxe: readonly [number, number];
}

const debian2022 = { version: '', stableTag: undefined, secureBoot: true };
const memory2022 = { pei: [0x820000, 0xe0000], dxe: [0x900000, 0xc00000] } as const;
const debian2025 = { version: '2025.02-8+deb13u1', stableTag: 202502 };
const memory2025 = { pei: [0x820000, 0xe0000], dxe: [0x900000, 0xe80000] } as const;
const debian2026 = { version: '2026.08+ds-2', stableTag: 202608 };
const memory2026 = { pei: [0x830000, 0xd0000], dxe: [0x900000, 0xe80000] } as const;

const builds: readonly [OvmfPackage, string, Wanted][] = [
  ['2022.11', 'OVMF_CODE_4M.fd', { ...debian2022, smm: false, ...memory2022 }],
  ['2022.11', 'OVMF_CODE_4M.secboot.fd', { ...debian2022, smm: true, ...memory2022 }],
  ['2022.11', 'OVMF.fd', { ...debian2022, smm: false, ...memory2022 }],
  ['2025.02', 'OVMF_CODE_4M.fd', { ...debian2025, secureBoot: false, smm: false, ...memory2025 }],
  ['2025.02', 'OVMF_CODE_4M.secboot.fd', { ...debian2025, secureBoot: true, smm: true, ...memory2025 }],
  ['2025.02', 'OVMF.fd', { ...debian2025, secureBoot: false, smm: false, ...memory2025 }],
  ['2026.08', 'OVMF_CODE_4M.fd', { ...debian2026, secureBoot: false, smm: false, ...memory2026 }],
  ['2026.08', 'OVMF_CODE_4M.secboot.fd', { ...debian2026, secureBoot: true, smm: true, ...memory2026 }],
  ['2026.08-legacy', 'OVMF.legacy.fd', { ...debian2026, secureBoot: false, smm: false, ...memory2026 }],
];

describe.skipIf(!haveOvmf)('readOvmf()', () => {
  it.each(builds)(
    'tells version, kind of build and places in memory of %s %s',
    async (name, file, wanted) => {
      const { pei, dxe, ...rest } = readOvmf(await ovmfFile(name, file));
      expect({
        ...rest,
        pei: [pei.address, pei.bytes.length],
        dxe: [dxe.address, dxe.bytes.length],
      }).toEqual({ ...wanted, measures: true });
    },
  );

  it('keeps its answer for the same array', async () => {
    const code = await ovmfFile('2026.08', 'OVMF_CODE_4M.fd');
    expect(readOvmf(code)).toBe(readOvmf(code));
  });
});

describe('readOvmf() refuses', () => {
  const codeOf = (bytes: Uint8Array): string => {
    try {
      readOvmf(bytes);
      return 'read';
    } catch (error) {
      if (error instanceof MeasureError) return error.code;
      throw error;
    }
  };
  const name = '48db5e17-707c-472d-91cd-1613e7ef51b0';
  const image = (contents: Uint8Array) =>
    makeVolume({ name, files: [makeFile({ name, type: 0x0b, contents })] });

  it('bytes without a firmware volume', () => {
    expect(codeOf(new Uint8Array(0))).toBe('not-found');
    expect(codeOf(new Uint8Array(10_000).fill(0xff))).toBe('not-found');
  });

  it('a volume without an LZMA section', () => {
    expect(codeOf(makeVolume({ name }))).toBe('not-found');
    expect(codeOf(image(makeGuidedSection(name, new Uint8Array(20))))).toBe('not-found');
  });

  it('a section that unpacks to nothing it knows', () => {
    // "a", by liblzma.
    const stream = Uint8Array.from(Buffer.from('5d00100000ffffffffffffffff0030c1fbffffffe0000000', 'hex'));
    expect(codeOf(image(makeGuidedSection(lzmaSectionGuid, stream)))).toBe('not-found');
    expect(codeOf(image(makeGuidedSection(lzmaSectionGuid, stream.subarray(0, 20))))).toBe('truncated');
  });
});
