import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import { defaultHasher, fromHex, hash, MeasureError, toHex } from '../../src/index.ts';
import { filterSmbios } from '../../src/smbios/filter.ts';
import { firmwareSmbiosTable } from '../../src/smbios/firmware-table.ts';
import { parseSmbios } from '../../src/smbios/table.ts';

/** `etc/smbios/smbios-tables` of QEMU 10.0.13: q35, one processor "max", 512 MiB; read out of it while paused. */
const qemuTable = fromHex(
  [
    '011b0001010203000000000000000000000000000000000006000051454d55005374616e646172642050432028513335202b20494348392c2032303039290070632d7133352d31302e300000',
    '0316000301010200000303030200000000000000000051454d550070632d7133352d31302e300000',
    '042a00040103fe0263060000fdfbcb0f03000000d007d0074101ffffffffffff0000000101010200010043505520300051454d550070632d7133352d31302e300000',
    '1017001001030600000800feff010000000000000000000000',
    '112800110010feffffffffff0002090001000702000000020000000000000000000000000000000044494d4d20300051454d550000',
    '131f001300000000ffff0700001001000000000000000000000000000000000000',
    '200b0020000000000000000000',
    '7f04007f0000',
  ].join(''),
);
const identity = {
  vendor: 'Debian distribution of EDK II',
  version: '2026.08+ds-2',
  releaseDate: '09/26/2026',
};
const sha256 = (bytes: Uint8Array) => toHex(hash(defaultHasher, 'sha256', bytes));
const structure = (type: number, formatted: string, text = '\0') =>
  concatBytes([Uint8Array.of(type, 4 + formatted.length / 2, 0, 0), fromHex(formatted), ascii(`${text}\0`)]);

describe('filterSmbios()', () => {
  it('gives what OVMF 2026.08 measured of this machine', () => {
    // The event of "ovmf-boots/15-forky-257-noboot-index", and of a firmware run of this project's.
    expect(sha256(filterSmbios(firmwareSmbiosTable(qemuTable, identity)))).toBe(
      '9050f70e3df23fc6c7dcc5a535849878cb6ddc37b8d8e46e91729e43f260f199',
    );
  });

  it('blanks serial numbers and the UUID, and keeps the rest', () => {
    const type1 = structure(1, `010203${'04'}${'aa'.repeat(16)}060500`, 'M\0P\0V\0S1\0K\0');
    const filtered = filterSmbios(type1);
    expect(toHex(filtered)).toBe(toHex(structure(1, `01020300${'00'.repeat(16)}000500`, 'M\0P\0V\0  \0K\0')));
  });

  it('blanks OEM strings and what vendors define as a whole', () => {
    for (const type of [11, 200]) {
      const filtered = filterSmbios(structure(type, '01', 'io.systemd.x\0'));
      expect(filtered.subarray(4).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('leaves strings alone that stand where a longer structure has fields', () => {
    const short = structure(4, '00'.repeat(0x2a - 4), 'CPU 0\0');
    expect(toHex(filterSmbios(short))).toBe(toHex(short));
  });
});

describe('firmwareSmbiosTable()', () => {
  it('keeps QEMU’s type 0 where it has one', () => {
    const own = structure(0, '00'.repeat(0x16), 'V\0');
    const made = parseSmbios(firmwareSmbiosTable(concatBytes([own, qemuTable]), identity));
    expect(made.filter(({ type }) => type === 0).map(({ bytes }) => toHex(bytes))).toEqual([toHex(own)]);
  });
});

describe('parseSmbios()', () => {
  it.each([
    ['a header cut short', '010b'],
    ['a length below the header', '01030000'],
    ['a formatted part cut short', '01100000'],
    ['strings without an end', '010400004100'],
  ])('refuses %s', (_what, hex) => {
    expect(() => parseSmbios(fromHex(hex))).toThrow(MeasureError);
  });

  it('reads anything or throws a MeasureError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          expect(filterSmbios(bytes).length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(MeasureError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
