import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { type AcpiTable, acpiFiles, findAcpiTable, readAcpiTables } from './tables.ts';

/** QEMU hw/acpi/bios-linker-loader.c: an entry's size, its commands and the zones of memory. */
const entrySize = 128;
const fileNameSize = 56;
const commands = { allocate: 1, addPointer: 2, addChecksum: 3 } as const;
const zones = { high: 1, fseg: 2 } as const;
/** ACPI_BUILD_LOADER_SIZE's padding (hw/i386/acpi-build.c `ACPI_BUILD_ALIGN_SIZE`). */
const alignment = 0x1000;

/** ACPI 6.5, 5.2.6: the checksum in the common header. */
const checksumOffset = 9;
const headerSize = 36;
/** Fields of the FADT that hold addresses (ACPI 6.5, table 5.9): FIRMWARE_CTRL, DSDT, X_DSDT. */
const fadtPointers = [
  { offset: 36, size: 4, target: 'FACS' },
  { offset: 40, size: 4, target: 'DSDT' },
  { offset: 140, size: 8, target: 'DSDT' },
] as const;

/** Tables that QEMU gives no other command than a checksum. One that is not here may hold pointers. */
const plainTables: ReadonlySet<string> = new Set([
  'APIC',
  'HPET',
  'MCFG',
  'WAET',
  'SRAT',
  'SLIT',
  'HMAT',
  'DMAR',
]);

/**
 * `etc/table-loader` as QEMU makes it for these tables: what firmware has to allocate, patch and sum up, in the order in
 * which QEMU builds the tables (hw/i386/acpi-build.c `acpi_build`). Tables without a TPM's or a generation ID's: throws
 * `unsupported` for a table that may hold pointers of its own.
 */
export function encodeTableLoader(tables: Uint8Array): Uint8Array {
  const all = readAcpiTables(tables);
  const rsdt = findAcpiTable(all, 'RSDT');
  const entries: Uint8Array[] = [
    allocate(acpiFiles.rsdp, 16, zones.fseg),
    allocate(acpiFiles.tables, 64, zones.high),
  ];
  for (const table of all) {
    if (table.signature === 'FACS') continue; // Has no checksum.
    for (const pointer of pointersOf(table, all, tables))
      entries.push(addPointer(acpiFiles.tables, table.offset + pointer.offset, pointer.size));
    entries.push(addChecksum(acpiFiles.tables, table.offset, table.length, table.offset + checksumOffset));
  }
  if (rsdt !== all.at(-1)) throw new MeasureError('unsupported', 'Tables stand behind the RSDT');
  // The pointer to the RSDT, and the checksum of the ACPI 1.0 part.
  entries.push(addPointer(acpiFiles.rsdp, 16, 4), addChecksum(acpiFiles.rsdp, 0, 20, 8));
  const writer = new Writer();
  for (const entry of entries) writer.bytes(entry);
  return writer.align(alignment).finish();
}

function pointersOf(
  table: AcpiTable,
  all: readonly AcpiTable[],
  file: Uint8Array,
): readonly { readonly offset: number; readonly size: number }[] {
  const { signature, offset, length } = table;
  if (signature === 'DSDT' || plainTables.has(signature)) return [];
  const reader = new Reader(file.subarray(offset, offset + length), signature, offset);
  if (signature === 'FACP') {
    for (const { target } of fadtPointers) findAcpiTable(all, target);
    if (length < 148)
      throw reader.error('unsupported', 'Length', `${length} bytes have no X_DSDT`, offset + 4);
    return fadtPointers;
  }
  if (signature === 'RSDT') {
    reader.skip(headerSize, 'header');
    if (reader.remaining % 4 !== 0) throw reader.error('malformed', 'Entry', 'not whole entries');
    return Array.from({ length: reader.remaining / 4 }, (_, index) => {
      const target = reader.u32('Entry');
      if (!all.some((each) => each.offset === target))
        throw reader.error('malformed', 'Entry', `no table begins at ${target}`);
      return { offset: headerSize + 4 * index, size: 4 };
    });
  }
  throw new MeasureError('unsupported', `What QEMU’s loader does with table ${signature} is not known`, {
    offset,
  });
}

function fileName(name: string): Uint8Array {
  return new Writer().bytes(ascii(name)).align(fileNameSize).finish();
}

function entry(fields: Writer): Uint8Array {
  return fields.align(entrySize).finish();
}

function allocate(file: string, align: number, zone: number): Uint8Array {
  return entry(new Writer().u32(commands.allocate).bytes(fileName(file)).u32(align).u8(zone));
}

/** A pointer in `file` that counts from the start of the tables. */
function addPointer(file: string, offset: number, size: number): Uint8Array {
  return entry(
    new Writer()
      .u32(commands.addPointer)
      .bytes(fileName(file))
      .bytes(fileName(acpiFiles.tables))
      .u32(offset)
      .u8(size),
  );
}

function addChecksum(file: string, start: number, length: number, offset: number): Uint8Array {
  return entry(
    new Writer().u32(commands.addChecksum).bytes(fileName(file)).u32(offset).u32(start).u32(length),
  );
}
