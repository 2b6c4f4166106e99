import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { findAcpiTable, readAcpiTables } from './tables.ts';

/**
 * `etc/acpi/rsdp` as QEMU serves it: the ACPI 1.0 pointer with the RSDT's offset in `etc/acpi/tables` for its address, its
 * checksum still to be made by firmware (QEMU hw/acpi/aml-build.c `build_rsdp`; ACPI 6.5, table 5.3).
 */
export function encodeRsdp(rsdtOffset: number): Uint8Array {
  return new Writer().bytes(ascii('RSD PTR ')).u8(0).bytes(ascii('BOCHS ')).u8(0).u32(rsdtOffset).finish();
}

/** The pointer that goes with the tables. */
export function rsdpOfTables(tables: Uint8Array): Uint8Array {
  return encodeRsdp(findAcpiTable(readAcpiTables(tables), 'RSDT').offset);
}
