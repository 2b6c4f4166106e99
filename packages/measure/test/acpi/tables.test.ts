import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePkgLength, readAmlPackage } from '../../src/acpi/aml-package.ts';
import { encodeTableLoader } from '../../src/acpi/loader.ts';
import { retargetAcpiTables } from '../../src/acpi/retarget.ts';
import { rsdpOfTables } from '../../src/acpi/rsdp.ts';
import { readAcpiTables } from '../../src/acpi/tables.ts';
import { MeasureError } from '../../src/error.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';

const sha384 = (bytes: Uint8Array): string => createHash('sha384').update(bytes).digest('hex');
const MiB = 2 ** 20;

interface Machine {
  readonly cpus: number;
  readonly memory_mib: number;
  readonly loader: string;
  readonly rsdp: string;
  readonly tables: string;
}

const machines = haveVectors
  ? vectorJson<{ acpi: readonly Machine[] }>('tdx', 'oasis', 'expected.json').acpi
  : [];
const captured = (cpus: number): Uint8Array => vectorBytes('tdx', 'oasis', `acpi_tables_cpu${cpus}.bin`);

describe.skipIf(!haveVectors)('ACPI files of QEMU (Oasis)', () => {
  it.each([1, 2, 4, 8, 16])(
    'encodeTableLoader() and rsdpOfTables() follow from the tables of %i vCPUs',
    (cpus) => {
      const tables = captured(cpus);
      const wanted = machines.find((each) => each.cpus === cpus);
      expect(sha384(encodeTableLoader(tables))).toBe(wanted?.loader);
      expect(sha384(rsdpOfTables(tables))).toBe(wanted?.rsdp);
    },
  );

  it.each([1, 2, 4, 8, 16])(
    'retargetAcpiTables() gives every other machine’s tables from those of %i vCPUs',
    (from) => {
      const tables = captured(from);
      for (const { cpus, memory_mib, tables: wanted } of machines) {
        const made = retargetAcpiTables(tables, { vcpus: cpus, memoryBytes: memory_mib * MiB });
        expect(sha384(made), `${cpus} vCPUs, ${memory_mib} MiB`).toBe(wanted);
      }
    },
  );

  it('retargetAcpiTables() goes there and back for any number of vCPUs', () => {
    const tables = captured(4);
    for (const vcpus of [3, 17, 64, 100, 254])
      expect(sha384(retargetAcpiTables(retargetAcpiTables(tables, { vcpus }), { vcpus: 4 }))).toBe(
        sha384(tables),
      );
    expect(() => retargetAcpiTables(tables, { vcpus: 255 })).toThrow(/another way/);
  });

  it('retargetAcpiTables() makes Canonical’s tables anew (fortanix)', () => {
    const tables = vectorBytes('tdx', 'fortanix', 'canonical-defaults', 'acpi_tables.bin');
    expect(sha384(retargetAcpiTables(tables, { vcpus: 4, memoryBytes: 2048 * MiB }))).toBe(sha384(tables));
    expect(sha384(retargetAcpiTables(tables, { memoryBytes: 1024 * MiB }))).not.toBe(sha384(tables));
    const large = retargetAcpiTables(tables, { memoryBytes: 8192 * MiB });
    expect(sha384(retargetAcpiTables(large, { memoryBytes: 2048 * MiB }))).toBe(sha384(tables));
  });

  it('throws nothing but a MeasureError, whatever stands in the tables', () => {
    const tables = captured(2).subarray(0, 0x2400);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 0x23ff }), fc.nat({ max: 255 })), { maxLength: 6 }),
        (changes) => {
          const file = Uint8Array.from(tables);
          for (const [at, value] of changes) file[at] = value;
          for (const read of [
            readAcpiTables,
            encodeTableLoader,
            (bytes: Uint8Array) => retargetAcpiTables(bytes, { vcpus: 3 }),
          ]) {
            try {
              read(file);
            } catch (error) {
              expect(error).toBeInstanceOf(MeasureError);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('readAcpiTables()', () => {
  it('refuses lengths that lie and bytes that belong to no table', () => {
    const file = new Uint8Array(0x100);
    file.set(new TextEncoder().encode('FACS'));
    file[4] = 64;
    expect(readAcpiTables(file)).toEqual([{ signature: 'FACS', offset: 0, length: 64 }]);
    const changed = (at: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(file);
      copy[at] = value;
      return copy;
    };
    expect(() => readAcpiTables(changed(6, 1))).toThrow(/needs 65592 bytes/);
    expect(() => readAcpiTables(changed(4, 4))).toThrow(/4 bytes/);
    expect(() => readAcpiTables(changed(0x80, 1))).toThrow(/belongs to no ACPI table/);
    expect(() => readAcpiTables(changed(0, 0x20))).toThrow(/is none/);
  });
});

describe('encodePkgLength()', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 70_000 }), (length) => {
        const encoded = encodePkgLength(length);
        const bytes = new Uint8Array(encoded.length + length);
        bytes.set(encoded);
        expect(readAmlPackage(bytes, 0)).toEqual({
          lengthOffset: 0,
          contentsOffset: encoded.length,
          end: bytes.length,
        });
      }),
    );
  });
});
