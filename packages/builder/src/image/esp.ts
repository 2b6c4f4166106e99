import {
  encodeDirectory,
  encodeFat,
  encodeReservedSectors,
  type FatDirectoryEntry,
  fatAttributes,
} from './fat.ts';
import { FAT_COUNT, planFat } from './fat-geometry.ts';

/** The file that firmware boots from a disk without a boot entry (UEFI 2.11 §3.5.1.1, x64). */
export const BOOT_FILE = 'EFI/BOOT/BOOTX64.EFI';

export interface EspOptions {
  /** Size of the file to boot, in bytes. */
  readonly fileBytes: number;
  readonly volumeId: number;
  /** Sectors of the disk before the partition. */
  readonly hiddenSectors: number;
  /** The partition's size is a multiple of this many sectors. */
  readonly unit: number;
}

export interface EncodedEsp {
  /** Everything before the file: boot sector, tables, directories. The file follows, then zeros. */
  readonly prefix: Uint8Array;
  readonly sectors: number;
}

const SECTOR_BYTES = 512;
const LABEL = 'ALTEE      ';
const { volumeLabel, directory, archive } = fatAttributes;

/**
 * An EFI system partition that holds {@link BOOT_FILE} alone, in consecutive clusters, as a function of the
 * file's size and the volume ID. Throws `image-invalid` for a file of 4 GiB or more.
 */
export function encodeEsp({ fileBytes, volumeId, hiddenSectors, unit }: EspOptions): EncodedEsp {
  const geometry = planFat(fileBytes, 2, unit);
  const { bits, sectorsPerCluster } = geometry;
  const clusterBytes = sectorsPerCluster * SECTOR_BYTES;

  const efi = bits === 32 ? 3 : 2; // FAT32's root directory is cluster 2
  const boot = efi + 1;
  const file = efi + 2;
  const fileClusters = Math.ceil(fileBytes / clusterBytes);
  const chains = [...(bits === 32 ? [1] : []), 1, 1, ...(fileClusters > 0 ? [fileClusters] : [])];

  const rootDirectory = encodeDirectory([
    { name: LABEL, attributes: volumeLabel, cluster: 0, size: 0 },
    { name: 'EFI        ', attributes: directory, cluster: efi, size: 0 },
  ]);
  const efiDirectory = encodeDirectory([
    ...dots(efi, 0), // the root directory counts as cluster 0
    { name: 'BOOT       ', attributes: directory, cluster: boot, size: 0 },
  ]);
  const bootDirectory = encodeDirectory([
    ...dots(boot, efi),
    { name: 'BOOTX64 EFI', attributes: archive, cluster: fileClusters > 0 ? file : 0, size: fileBytes },
  ]);

  const volume = { geometry, volumeId, label: LABEL, hiddenSectors };
  const reserved = encodeReservedSectors(volume, file + fileClusters);
  const fat = encodeFat(geometry, chains);
  const dataStart =
    (geometry.reservedSectors + FAT_COUNT * geometry.fatSectors + geometry.rootSectors) * SECTOR_BYTES;
  const clusterAt = (cluster: number): number => dataStart + (cluster - 2) * clusterBytes;

  const prefix = new Uint8Array(clusterAt(file));
  prefix.set(reserved);
  for (let i = 0; i < FAT_COUNT; i++) prefix.set(fat, reserved.length + i * fat.length);
  prefix.set(rootDirectory, bits === 32 ? clusterAt(2) : reserved.length + FAT_COUNT * fat.length);
  prefix.set(efiDirectory, clusterAt(efi));
  prefix.set(bootDirectory, clusterAt(boot));
  return { prefix, sectors: geometry.sectors };
}

function dots(own: number, parent: number): FatDirectoryEntry[] {
  return [
    { name: '.          ', attributes: directory, cluster: own, size: 0 },
    { name: '..         ', attributes: directory, cluster: parent, size: 0 },
  ];
}
