import { parseGuid } from '../src/bytes/guid.ts';
import { ascii, utf16 } from '../src/bytes/text.ts';
import { crc32 } from '../src/uefi/crc32.ts';

/** A partition array entry as GPT has it: an EFI system partition unless told otherwise. */
export function makeEntry(type = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b', name = 'esp'): Uint8Array {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  bytes.set(parseGuid(type));
  bytes.set(parseGuid('aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'), 16);
  view.setBigUint64(32, 2048n, true);
  view.setBigUint64(40, 4095n, true);
  bytes.set(utf16(name), 56);
  return bytes;
}

/** The first 34 sectors of a disk with that header, or a made-up one, and the entries at the given positions. */
export function makeDisk(entries: Readonly<Record<number, Uint8Array>>, header?: Uint8Array): Uint8Array {
  const disk = new Uint8Array(34 * 512);
  for (const [position, entry] of Object.entries(entries)) disk.set(entry, 1024 + 128 * Number(position));
  const view = new DataView(disk.buffer, 512, 512);
  if (header) {
    disk.set(header, 512);
    return disk;
  }
  disk.set(ascii('EFI PART'), 512);
  view.setUint32(8, 0x10000, true);
  view.setUint32(12, 92, true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, 8191n, true);
  view.setBigUint64(40, 34n, true);
  view.setBigUint64(48, 8158n, true);
  disk.set(parseGuid('11111111-2222-3333-4444-555555555555'), 512 + 56);
  view.setBigUint64(72, 2n, true);
  view.setUint32(80, 128, true);
  view.setUint32(84, 128, true);
  view.setUint32(88, crc32(disk.subarray(1024)), true);
  seal(disk);
  return disk;
}

/** Makes the header's checksum right after a field was changed. */
export function seal(disk: Uint8Array): Uint8Array {
  const view = new DataView(disk.buffer, 512, 512);
  view.setUint32(16, 0, true);
  view.setUint32(16, crc32(disk.subarray(512, 512 + 92)), true);
  return disk;
}
