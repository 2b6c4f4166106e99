import { concatBytes } from '../bytes/writer.ts';
import { findSmbiosString, parseSmbios, type SmbiosStructure } from './table.ts';

/** A field that is not measured: offset and size in the formatted part; the string that it names, if it names one. */
interface Blanked {
  readonly offset: number;
  readonly size: number;
  readonly isString?: true;
}

const text = (offset: number): Blanked => ({ offset, size: 1, isString: true });
const bytes = (offset: number, size: number): Blanked => ({ offset, size });

/** Fields by structure type (edk2 MdeModulePkg/Universal/SmbiosMeasurementDxe; offsets: SMBIOS 3.7, 7). */
const blankedFields: Readonly<Record<number, readonly Blanked[]>> = {
  // System: serial number, UUID, wake-up type.
  1: [text(0x07), bytes(0x08, 16), bytes(0x18, 1)],
  // Baseboard: serial number, location in chassis.
  2: [text(0x07), text(0x0a)],
  // Chassis: serial number, asset tag.
  3: [text(0x07), text(0x08)],
  // Processor: current speed; serial number, asset tag, part number; core and thread counts.
  4: [
    bytes(0x16, 2),
    ...[text(0x20), text(0x21), text(0x22)],
    ...[bytes(0x23, 1), bytes(0x24, 1), bytes(0x25, 1)],
    ...[bytes(0x2a, 2), bytes(0x2c, 2), bytes(0x2e, 2)],
  ],
  // Memory device: serial number, asset tag, part number.
  17: [text(0x18), text(0x19), text(0x1a)],
};

/** OEM strings, system event log, memory errors, boot integrity services, and what vendors define. */
const blankedTypes: ReadonlySet<number> = new Set([11, 15, 18, 31, 33]);
const FIRST_OEM_TYPE = 128;
const SPACE = 0x20;
const HEADER_LENGTH = 4;

/**
 * The table as firmware measures it: what differs from machine to machine is blanked, so that neither serial numbers
 * nor the UUID nor OEM strings are measured.
 */
export function filterSmbios(table: Uint8Array): Uint8Array {
  return concatBytes(parseSmbios(table).map(filterStructure));
}

function filterStructure(structure: SmbiosStructure): Uint8Array {
  const filtered = Uint8Array.from(structure.bytes);
  if (blankedTypes.has(structure.type) || structure.type >= FIRST_OEM_TYPE) {
    return filtered.fill(0, HEADER_LENGTH);
  }
  for (const { offset, size, isString } of blankedFields[structure.type] ?? []) {
    // A field that the structure is too short for is left alone, as it would lie in the strings.
    if (offset + size > structure.formattedLength) continue;
    if (isString) {
      const found = findSmbiosString(structure, structure.bytes[offset] ?? 0);
      if (found) filtered.fill(SPACE, found.offset, found.offset + found.length);
    }
    filtered.fill(0, offset, offset + size);
  }
  return filtered;
}
