import { FAT_COUNT, type FatGeometry } from './fat-geometry.ts';

/** Where a file or directory begins, and what it needs to be found. */
export interface FatDirectoryEntry {
  /** Name and extension in upper case, padded: 8 and 3 characters. */
  readonly name: string;
  readonly attributes: number;
  readonly cluster: number;
  readonly size: number;
}

export interface FatVolume {
  readonly geometry: FatGeometry;
  readonly volumeId: number;
  /** 11 characters, padded. */
  readonly label: string;
  /** Sectors of the disk before the file system. */
  readonly hiddenSectors: number;
}

/** FAT specification 1.03, "FAT Directory Structure". */
export const fatAttributes = { volumeLabel: 0x08, directory: 0x10, archive: 0x20 } as const;

const SECTOR_BYTES = 512;
/** 1980-01-01: the earliest date that FAT can say. */
const EPOCH_DATE = (1 << 5) | 1;
const MEDIA = 0xf8;

/** The boot sector, for FAT32 with its FSInfo sector and their copies: the reserved sectors. */
export function encodeReservedSectors(volume: FatVolume, nextFreeCluster: number): Uint8Array {
  const { geometry } = volume;
  const bytes = new Uint8Array(geometry.reservedSectors * SECTOR_BYTES);
  const boot = encodeBootSector(volume);
  bytes.set(boot);
  if (geometry.bits === 32) {
    const info = encodeFsInfo(geometry, nextFreeCluster);
    bytes.set(info, 1 * SECTOR_BYTES);
    bytes.set(boot, 6 * SECTOR_BYTES);
    bytes.set(info, 7 * SECTOR_BYTES);
  }
  return bytes;
}

/** FAT specification 1.03, "Boot Sector and BPB". */
function encodeBootSector({ geometry, volumeId, label, hiddenSectors }: FatVolume): Uint8Array {
  const { bits, sectors } = geometry;
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(sector.buffer);
  const extended = bits === 32 ? 64 : 36;
  // A jump over the parameters to "hlt; jmp" for a BIOS that tries to boot it.
  sector.set([0xeb, extended + 26 - 2, 0x90]);
  sector.set([0xf4, 0xeb, 0xfd], extended + 26);
  sector.set(ascii('ALTEE   '), 3); // OEM name
  view.setUint16(11, SECTOR_BYTES, true);
  view.setUint8(13, geometry.sectorsPerCluster);
  view.setUint16(14, geometry.reservedSectors, true);
  view.setUint8(16, FAT_COUNT);
  view.setUint16(17, (geometry.rootSectors * SECTOR_BYTES) / 32, true);
  const small = bits === 16 && sectors < 0x1_0000;
  view.setUint16(19, small ? sectors : 0, true);
  view.setUint8(21, MEDIA);
  view.setUint16(22, bits === 16 ? geometry.fatSectors : 0, true);
  view.setUint16(24, 63, true); // sectors per track
  view.setUint16(26, 255, true); // heads
  view.setUint32(28, hiddenSectors, true);
  view.setUint32(32, small ? 0 : sectors, true);
  if (bits === 32) {
    view.setUint32(36, geometry.fatSectors, true);
    view.setUint32(44, 2, true); // first cluster of the root directory
    view.setUint16(48, 1, true); // FSInfo
    view.setUint16(50, 6, true); // copy of the boot sector
  }
  view.setUint8(extended, 0x80); // drive number
  view.setUint8(extended + 2, 0x29); // the three fields below are there
  view.setUint32(extended + 3, volumeId, true);
  sector.set(ascii(label), extended + 7);
  sector.set(ascii(bits === 32 ? 'FAT32   ' : 'FAT16   '), extended + 18);
  view.setUint16(510, 0xaa55, true);
  return sector;
}

/** FAT specification 1.03, "FAT32 FSInfo Sector Structure and Backup Boot Sector". */
function encodeFsInfo(geometry: FatGeometry, nextFreeCluster: number): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(sector.buffer);
  view.setUint32(0, 0x41615252, true);
  view.setUint32(484, 0x61417272, true);
  view.setUint32(488, geometry.clusters + 2 - nextFreeCluster, true);
  view.setUint32(492, nextFreeCluster, true);
  view.setUint32(508, 0xaa550000, true);
  return sector;
}

/**
 * One file allocation table (FAT specification 1.03, "FAT Data Structure") for chains of consecutive clusters that
 * follow each other from cluster 2; `chains` are their lengths.
 */
export function encodeFat(geometry: FatGeometry, chains: readonly number[]): Uint8Array {
  const { bits } = geometry;
  const bytes = new Uint8Array(geometry.fatSectors * SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  const endOfChain = bits === 32 ? 0x0fff_ffff : 0xffff;
  const set = (cluster: number, value: number): void =>
    bits === 32 ? view.setUint32(cluster * 4, value, true) : view.setUint16(cluster * 2, value, true);
  set(0, (endOfChain & ~0xff) | MEDIA);
  set(1, endOfChain);
  let cluster = 2;
  for (const length of chains) {
    for (let i = 1; i < length; i++, cluster++) set(cluster, cluster + 1);
    set(cluster++, endOfChain);
  }
  return bytes;
}

/** FAT specification 1.03, "FAT Directory Structure"; all times are the earliest there is. */
export function encodeDirectory(entries: readonly FatDirectoryEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * 32);
  const view = new DataView(bytes.buffer);
  entries.forEach(({ name, attributes, cluster, size }, i) => {
    const at = i * 32;
    bytes.set(ascii(name), at);
    view.setUint8(at + 11, attributes);
    for (const date of [16, 18, 24]) view.setUint16(at + date, EPOCH_DATE, true); // created, accessed, written
    view.setUint16(at + 20, cluster >>> 16, true);
    view.setUint16(at + 26, cluster & 0xffff, true);
    view.setUint32(at + 28, size, true);
  });
  return bytes;
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
