import { BuilderError } from '../error.ts';

/** Where the parts of a FAT file system lie; all in sectors of 512 bytes from its beginning. */
export interface FatGeometry {
  readonly bits: 16 | 32;
  readonly sectorsPerCluster: number;
  readonly reservedSectors: number;
  /** Of each of the two tables. */
  readonly fatSectors: number;
  /** FAT16 only; FAT32 keeps its root directory in clusters. */
  readonly rootSectors: number;
  readonly sectors: number;
  readonly clusters: number;
}

const SECTOR_BYTES = 512;
export const FAT_COUNT = 2;
/** Microsoft's FAT specification 1.03: 512 root entries for FAT16, "for compatibility". */
const FAT16_ROOT_SECTORS = (512 * 32) / SECTOR_BYTES;
/** FAT specification 1.03, "FAT Type Determination": at least so many clusters. */
const MIN_CLUSTERS = { 16: 4085, 32: 65525 } as const;
/** The same place advises to stay away from the limits, for the many readers that are off by a few. */
const MARGIN = 16;
const MAX_SECTORS_PER_CLUSTER = 64;
/** The size field of a directory entry has 32 bits. */
const MAX_FILE_BYTES = 0xffff_ffff;

/**
 * The smallest FAT file system, in whole multiples of `unit` sectors, for one file and `directories` directories
 * of one cluster each besides the root. FAT32 where the file fills its minimum of 65,525 clusters (about 33 MB),
 * as UEFI asks for on fixed disks; else FAT16, which UEFI 2.11 §13.3.1.1 has every firmware read ("what variant
 * is used is defined by the size of the medium"). Clusters are as large as those minima allow.
 * Throws `image-invalid` for a file of 4 GiB or more.
 */
export function planFat(fileBytes: number, directories: number, unit: number): FatGeometry {
  checkFatFileSize(fileBytes);
  for (const bits of [32, 16] as const) {
    for (let spc = MAX_SECTORS_PER_CLUSTER; spc >= 1; spc /= 2) {
      const needed = clustersFor(fileBytes, directories, bits, spc);
      if (needed >= MIN_CLUSTERS[bits] + MARGIN) return geometry(bits, spc, needed, unit);
    }
  }
  // A file too small for either: the file system has more clusters than the file needs.
  return geometry(16, 1, MIN_CLUSTERS[16] + MARGIN, unit);
}

/** Throws `image-invalid` for a file that FAT can't hold. */
export function checkFatFileSize(fileBytes: number): void {
  if (fileBytes <= MAX_FILE_BYTES) return;
  throw new BuilderError(
    'image-invalid',
    `Cannot put a file of ${fileBytes} bytes on the EFI system partition: FAT takes less than 4 GiB`,
  );
}

function clustersFor(fileBytes: number, directories: number, bits: 16 | 32, spc: number): number {
  const root = bits === 32 ? 1 : 0;
  return Math.ceil(fileBytes / (spc * SECTOR_BYTES)) + directories + root;
}

function geometry(bits: 16 | 32, sectorsPerCluster: number, needed: number, unit: number): FatGeometry {
  const reservedSectors = bits === 32 ? 32 : 1;
  const rootSectors = bits === 32 ? 0 : FAT16_ROOT_SECTORS;
  for (let sectors = unit; ; sectors += unit) {
    // Large enough for the clusters there would be if the tables took no room; a few entries too many at most.
    const available = sectors - reservedSectors - rootSectors;
    const fatSectors = Math.ceil(((Math.floor(available / sectorsPerCluster) + 2) * bits) / 8 / SECTOR_BYTES);
    const clusters = Math.floor((available - FAT_COUNT * fatSectors) / sectorsPerCluster);
    if (clusters >= needed) {
      return { bits, sectorsPerCluster, reservedSectors, fatSectors, rootSectors, sectors, clusters };
    }
  }
}
