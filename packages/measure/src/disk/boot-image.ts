import { MeasureError } from '../error.ts';
import { findEsp, type Gpt, parseGpt } from '../uefi/gpt.ts';
import type { SideFiles } from '../uki/side-files.ts';
import { FatFileSystem } from './fat.ts';
import { readSideFiles } from './read-side-files.ts';

/** What firmware starts from a disk without a boot entry of its own (UEFI 2.11, 3.5.1.1), on x86-64. */
export const REMOVABLE_MEDIA_PATH = '\\EFI\\BOOT\\BOOTX64.EFI';

/** The image on a disk, and what stands around it. */
export interface BootImage {
  readonly image: Uint8Array;
  readonly path: string;
  /** The partition table, or its absence. */
  readonly gpt: Gpt | 'unpartitioned';
  readonly fileSystem: FatFileSystem;
  /** Addons, credentials and extensions that the image's stub may take. */
  readonly sideFiles: SideFiles;
}

/**
 * The image that firmware starts from a raw disk: on the EFI system partition of its GPT, or on the disk that is one
 * FAT file system. Throws `not-found` when one of them is missing, besides what reading throws.
 */
export function findBootImage(disk: Uint8Array, path: string = REMOVABLE_MEDIA_PATH): BootImage {
  const gpt = readGpt(disk);
  const fileSystem = new FatFileSystem(gpt ? espBytes(disk, gpt) : disk);
  return {
    image: fileSystem.read(path),
    path,
    gpt: gpt ?? 'unpartitioned',
    fileSystem,
    sideFiles: readSideFiles(fileSystem, path),
  };
}

function readGpt(disk: Uint8Array): Gpt | undefined {
  try {
    return parseGpt(disk);
  } catch (error) {
    if (error instanceof MeasureError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function espBytes(disk: Uint8Array, gpt: Gpt): Uint8Array {
  const esp = findEsp(gpt);
  if (!esp) throw new MeasureError('not-found', 'The disk has no EFI system partition');
  const start = Number(esp.firstLba) * gpt.sectorSize;
  const end = (Number(esp.lastLba) + 1) * gpt.sectorSize;
  if (!Number.isSafeInteger(end) || end > disk.length || start >= end) {
    throw new MeasureError(
      'truncated',
      `The EFI system partition ends at 0x${end.toString(16)}, the disk at 0x${disk.length.toString(16)}`,
    );
  }
  return disk.subarray(start, end);
}
