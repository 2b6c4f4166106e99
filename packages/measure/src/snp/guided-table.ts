import { formatGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';

/** GUID of the table's last entry, which counts the bytes of all (edk2 OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm). */
const footer = '96b582de-1fb2-45f7-baea-a366c55a082d';

/** Behind the table stands the reset vector. */
const resetVectorSize = 32;
/** An entry ends in its length (u16, of itself) and its GUID. */
const entryTail = 18;

/**
 * OVMF's table for VMMs: entries by GUID, found from the end of the firmware file (edk2
 * OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm; QEMU hw/i386/pc_sysfw_ovmf.c). Of a GUID that stands there twice the
 * entry nearest to the end counts, as for QEMU. Throws `not-found` when the file has no such table.
 */
export function readGuidedTable(firmware: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const end = firmware.length - resetVectorSize;
  if (end < entryTail || tailOf(firmware, end).guid !== footer) {
    throw new MeasureError(
      'not-found',
      'The firmware has no table of GUIDed entries before its last 32 bytes',
    );
  }
  const size = tailOf(firmware, end).length;
  if (size < entryTail || size > end) throw badLength(end, size);
  const entries = new Map<string, Uint8Array>();
  let at = end - entryTail;
  const start = end - size;
  while (at > start) {
    if (at - start < entryTail) throw badLength(at, at - start);
    const { guid, length } = tailOf(firmware, at);
    if (length < entryTail || length > at - start) throw badLength(at, length);
    if (!entries.has(guid)) entries.set(guid, firmware.subarray(at - length, at - entryTail));
    at -= length;
  }
  return entries;
}

function tailOf(firmware: Uint8Array, end: number): { guid: string; length: number } {
  const reader = new Reader(firmware.subarray(end - entryTail, end), 'OVMF table entry', end - entryTail);
  const length = reader.u16('length');
  return { length, guid: formatGuid(reader.bytes(16, 'guid')) };
}

function badLength(end: number, length: number): MeasureError {
  const offset = end - entryTail;
  return new MeasureError(
    'malformed',
    `OVMF table entry.length at 0x${Math.max(offset, 0).toString(16)}: ${length} does not fit`,
    {
      offset,
    },
  );
}
