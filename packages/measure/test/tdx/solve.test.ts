import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import { utf16z } from '../../src/bytes/text.ts';
import { type Hasher, hash } from '../../src/hash.ts';
import {
  countSeparators,
  solveCommandLineForm,
  solveRsdtOffset,
  solveSeparators,
  solveTdHobRam,
  solveVcpus,
} from '../../src/tdx/solve.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';
import { classicSections, gcpSections } from './sections.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const MiB = 2 ** 20;

interface Oasis {
  readonly td_hob: readonly { readonly memory_mib: number; readonly sha384: string }[];
  readonly acpi: readonly { readonly cpus: number; readonly rsdp: string; readonly tables: string }[];
}

describe.skipIf(!haveVectors)('solving real digests', () => {
  const oasis = haveVectors ? vectorJson<Oasis>('tdx', 'oasis', 'expected.json') : { td_hob: [], acpi: [] };

  it('solveTdHobRam() finds the RAM of every Oasis machine', () => {
    for (const { memory_mib, sha384 } of oasis.td_hob)
      expect(solveTdHobRam(fromHex(sha384), classicSections, 'qemu', native)).toEqual({
        memoryBytes: memory_mib * MiB,
      });
  });

  it('solveTdHobRam() finds the RAM of a Google machine from its event log alone', () => {
    // The first event of tdx/go-tdx-guest's ccel_data.dat.
    const digest = fromHex(
      '458994daa60deac8dea19dba79748f6ff93fd0aebb8e3e0be5a65eb12309d342c3ce31cc67af7bbd22af1a44e7d9fe21',
    );
    expect(solveTdHobRam(digest, gcpSections, 'gcp', native)).toEqual({ memoryBytes: 16 * 1024 * MiB });
    expect(solveTdHobRam(digest.toReversed(), gcpSections, 'gcp', native)).toBeUndefined();
  });

  it('solveRsdtOffset() finds the RSDT of Oasis’s tables', () => {
    const offsets = oasis.acpi
      .filter(({ cpus }) => cpus > 4)
      .map(({ rsdp }) => solveRsdtOffset(fromHex(rsdp), 'sha384', native));
    expect(new Set(offsets)).toEqual(new Set([0x2507, 0x27f7]));
  });

  it('solveVcpus() finds the vCPUs from the tables’ digest', () => {
    const tables = new Map(
      [1, 2, 4, 8, 16].map((vcpus) => [vcpus, vectorBytes('tdx', 'oasis', `acpi_tables_cpu${vcpus}.bin`)]),
    );
    const digest = hash(native, 'sha384', tables.get(8) ?? new Uint8Array(0));
    expect(solveVcpus(digest, (vcpus) => tables.get(vcpus), {}, native)).toBe(8);
    expect(solveVcpus(digest, (vcpus) => tables.get(vcpus), { most: 4 }, native)).toBeUndefined();
  });
});

describe('solveCommandLineForm()', () => {
  const digestOf = (text: string): Uint8Array => hash(native, 'sha384', utf16z(text));

  it('tells where the argument for the initrd went', () => {
    const solve = (text: string) => solveCommandLineForm(digestOf(text), 'quiet a=b', 'sha384', native);
    expect(solve('quiet a=b')).toBe('plain');
    expect(solve('quiet a=b initrd=initrd')).toBe('suffix');
    expect(solve('initrd=initrd quiet a=b')).toBe('prefix');
    expect(solve('quiet a=c')).toBeUndefined();
  });
});

describe('solveSeparators()', () => {
  const separator = hash(native, 'sha384', new Uint8Array(4));
  const other = new Uint8Array(48);

  it('tells releases before 202411 from later ones', () => {
    expect(solveSeparators([separator, other, separator], [other], native)).toBe('rtmr0-twice');
    expect(solveSeparators([separator, other], [other, separator], native)).toBe('one-each');
    expect(solveSeparators([separator, separator], [separator], native)).toBeUndefined();
    expect(countSeparators([separator, other, separator], 'sha384', native)).toBe(2);
  });
});
