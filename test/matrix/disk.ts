import { BACKUP_SECTORS, EFI_SYSTEM_PARTITION, encodeGpt } from '../../packages/builder/src/image/gpt.ts';
import { encodeFileSystem, type Files } from './esp.ts';

const SECTOR_BYTES = 512;
const FIRST_SECTOR = 2048;

/** A disk: a partition table and one EFI system partition, or a file system and nothing else. */
export function encodeDisk(files: Files, layout: 'gpt' | 'bare'): Uint8Array {
  if (layout === 'bare') return encodeFileSystem(files, 0);
  const esp = encodeFileSystem(files, FIRST_SECTOR);
  const sectors = FIRST_SECTOR + esp.length / SECTOR_BYTES + 2048;
  const gpt = encodeGpt({
    guid: 'a17ee000-0000-4000-8000-00000000d15c',
    sectors,
    partitions: [
      {
        type: EFI_SYSTEM_PARTITION,
        guid: 'a17ee000-0000-4000-8000-00000000e5b0',
        firstLba: FIRST_SECTOR,
        lastLba: FIRST_SECTOR + esp.length / SECTOR_BYTES - 1,
        name: 'esp',
      },
    ],
  });
  const disk = new Uint8Array(sectors * SECTOR_BYTES);
  disk.set(gpt.primary);
  disk.set(esp, FIRST_SECTOR * SECTOR_BYTES);
  disk.set(gpt.backup, (sectors - BACKUP_SECTORS) * SECTOR_BYTES);
  return disk;
}
