import { ascii, utf16 } from '../../src/bytes/text.ts';

const SECTOR = 512;

/** A FAT16 file system of 5,000 clusters of one sector, with `\EFI\BOOT\BOOTX64.EFI`, which has a long name too. */
export function makeFat(contents: Uint8Array, options: { readonly fragmented?: boolean } = {}): Uint8Array {
  const [clusters, fatSectors, rootEntries] = [5000, 20, 64];
  const rootOffset = (1 + fatSectors) * SECTOR;
  const dataOffset = rootOffset + rootEntries * 32;
  const bytes = new Uint8Array(dataOffset + clusters * SECTOR);
  const view = new DataView(bytes.buffer);
  view.setUint16(11, SECTOR, true);
  view.setUint8(13, 1); // sectors per cluster
  view.setUint16(14, 1, true); // reserved
  view.setUint8(16, 1); // FATs
  view.setUint16(17, rootEntries, true);
  view.setUint16(19, bytes.length / SECTOR, true);
  view.setUint16(22, fatSectors, true);
  bytes.set([0x55, 0xaa], 510);

  const link = (cluster: number, next: number) => view.setUint16(SECTOR + 2 * cluster, next, true);
  const at = (cluster: number) => dataOffset + (cluster - 2) * SECTOR;
  const folder = (offset: number, name: string, cluster: number, attributes: number, size: number) => {
    bytes.set(ascii(name), offset);
    view.setUint8(offset + 11, attributes);
    view.setUint16(offset + 26, cluster, true);
    view.setUint32(offset + 28, size, true);
  };
  folder(rootOffset, 'ALTEE      ', 0, 0x08, 0);
  folder(rootOffset + 32, 'EFI        ', 2, 0x10, 0);
  folder(at(2), '.          ', 2, 0x10, 0);
  folder(at(2) + 32, 'BOOT       ', 3, 0x10, 0);
  // Two parts of a long name, the last one first.
  longName(bytes, at(3), 0x42, '64.efi\0');
  longName(bytes, at(3) + 32, 0x01, 'a long bootx\u00e9');
  folder(at(3) + 64, 'BOOTX64 EFI', 10, 0x20, contents.length);
  bytes[at(3) + 96] = 0xe5; // deleted
  folder(at(3) + 128, 'BOOTX64 EFI', 10, 0x20, contents.length);
  for (const cluster of [2, 3]) link(cluster, 0xffff);

  const count = Math.ceil(contents.length / SECTOR);
  const step = options.fragmented ? 2 : 1;
  for (let index = 0; index < count; index++) {
    const cluster = 10 + index * step;
    link(cluster, index === count - 1 ? 0xffff : cluster + step);
    bytes.set(contents.subarray(index * SECTOR, (index + 1) * SECTOR), at(cluster));
  }
  return bytes;
}

function longName(bytes: Uint8Array, offset: number, order: number, part: string): void {
  const units = new Uint8Array(26).fill(0xff);
  units.set(utf16(part));
  bytes[offset] = order;
  bytes[offset + 11] = 0x0f;
  bytes.set(units.subarray(0, 10), offset + 1);
  bytes.set(units.subarray(10, 22), offset + 14);
  bytes.set(units.subarray(22, 26), offset + 28);
}
