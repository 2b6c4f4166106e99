import { hexNumber } from '../bytes/hex.ts';
import { Reader } from '../bytes/reader.ts';
import { showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** A table in QEMU's `etc/acpi/tables`. */
export interface AcpiTable {
  /** `DSDT`. */
  readonly signature: string;
  /** Where it begins in the file. */
  readonly offset: number;
  readonly length: number;
}

/** The name under which QEMU's fw_cfg serves the tables, and the ones that go with it (include/hw/acpi/aml-build.h). */
export const acpiFiles = {
  tables: 'etc/acpi/tables',
  rsdp: 'etc/acpi/rsdp',
  loader: 'etc/table-loader',
} as const;

/** ACPI 6.5, 5.2.6: signature and length; FACS has no more of the common header than that (5.2.10). */
const leastLength = 8;
/** A file claims no more tables than this without wanting something else. */
const maxTables = 256;

/**
 * The tables in the file, in its order. QEMU aligns FACS alone, at the file's start; all others follow one another, and
 * zeros close the file. Throws `truncated` or `malformed` when the lengths do not lead to those zeros.
 */
export function readAcpiTables(file: Uint8Array): AcpiTable[] {
  const tables: AcpiTable[] = [];
  const reader = new Reader(file, 'ACPI_TABLE');
  while (reader.remaining >= leastLength) {
    const offset = reader.offset;
    if (file[offset] === 0) break;
    const signature = showAscii(reader.bytes(4, 'Signature'));
    const length = reader.u32('Length');
    if (!/^[A-Z0-9_]{4}$/.test(signature))
      throw reader.error('malformed', 'Signature', `"${signature}" is none`, offset);
    if (length < leastLength || tables.length === maxTables)
      throw reader.error('malformed', 'Length', `${length} bytes`, offset + 4);
    reader.skip(length - leastLength, 'Contents');
    tables.push({ signature, offset, length });
  }
  const rest = reader.rest();
  const stray = rest.findIndex((byte) => byte !== 0);
  if (stray >= 0) {
    const at = file.length - rest.length + stray;
    throw new MeasureError(
      'malformed',
      `The byte at ${hexNumber(at)} belongs to no ACPI table and is not zero`,
      {
        offset: at,
      },
    );
  }
  return tables;
}

/** The one table of that signature. Throws `not-found`, or `malformed` when there are several. */
export function findAcpiTable(tables: readonly AcpiTable[], signature: string): AcpiTable {
  const [table, ...more] = tables.filter((each) => each.signature === signature);
  if (!table) throw new MeasureError('not-found', `The ACPI tables have no ${signature}`);
  if (more.length > 0)
    throw new MeasureError('malformed', `The ACPI tables have ${more.length + 1} ${signature}`);
  return table;
}
