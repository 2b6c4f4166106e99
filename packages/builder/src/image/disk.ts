import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { BuilderError } from '../error.ts';
import { hashFile } from '../store/hash-file.ts';
import { writeAt, writeFileAtomically } from './atomic-file.ts';
import { BOOT_FILE, encodeEsp } from './esp.ts';
import { checkFatFileSize } from './fat-geometry.ts';
import { BACKUP_SECTORS, EFI_SYSTEM_PARTITION, encodeGpt, SECTOR_BYTES } from './gpt.ts';
import { imageGuid, imageVolumeId } from './image-guid.ts';

/** Partitions and the disk's end are aligned to 1 MiB, as every partitioning tool does today. */
const UNIT_SECTORS = 2048;
const PARTITION_NAME = 'EFI System Partition';

export interface DiskOptions {
  /** The EFI file to boot. */
  readonly efi: string;
  /** Where the disk image goes; replaced whole or not touched. */
  readonly out: string;
}

export interface Disk {
  readonly bytes: number;
  readonly diskGuid: string;
  readonly partitionGuid: string;
}

/**
 * Writes a raw disk with a GUID partition table and one EFI system partition that holds the EFI file as
 * `EFI/BOOT/BOOTX64.EFI`. All identifiers follow from the file's SHA-256, so that the same file gives the same
 * disk. Parts without data are holes. Throws `image-invalid` where the file can't be read, is empty, is too large
 * or changes meanwhile, and `disk-full`.
 */
export async function writeDisk({ efi, out }: DiskOptions): Promise<Disk> {
  await checkSize(efi);
  const { sha256, size } = await readable(efi, () => hashFile(efi));
  const diskGuid = imageGuid(sha256, 'disk');
  const partitionGuid = imageGuid(sha256, 'partition');
  const esp = encodeEsp({
    fileBytes: size,
    volumeId: imageVolumeId(sha256),
    hiddenSectors: UNIT_SECTORS,
    unit: UNIT_SECTORS,
  });
  const sectors = alignUp(UNIT_SECTORS + esp.sectors + BACKUP_SECTORS, UNIT_SECTORS);
  const gpt = encodeGpt({
    guid: diskGuid,
    sectors,
    partitions: [
      {
        type: EFI_SYSTEM_PARTITION,
        guid: partitionGuid,
        firstLba: UNIT_SECTORS,
        lastLba: UNIT_SECTORS + esp.sectors - 1,
        name: PARTITION_NAME,
      },
    ],
  });

  await writeFileAtomically(out, async (disk) => {
    await disk.truncate(sectors * SECTOR_BYTES);
    await writeAt(disk, gpt.primary, 0);
    const fileStart = await writeAt(disk, esp.prefix, UNIT_SECTORS * SECTOR_BYTES);
    if ((await copyFile(efi, disk, fileStart, size)) !== sha256) throw unusable(efi, 'it changed meanwhile');
    await writeAt(disk, gpt.backup, (sectors - BACKUP_SECTORS) * SECTOR_BYTES);
  });
  return { bytes: sectors * SECTOR_BYTES, diskGuid, partitionGuid };
}

/** Before it is read: it may be anything. */
async function checkSize(efi: string): Promise<void> {
  const { size } = await readable(efi, () => stat(efi));
  if (size === 0) throw unusable(efi, 'it is empty');
  checkFatFileSize(size);
}

const CHUNK_BYTES = 1 << 20;

/** Copies at most `limit` bytes; gives the digest of all that was read. */
async function copyFile(source: string, disk: FileHandle, position: number, limit: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await readable(source, () => open(source, 'r'));
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let done = 0; ; ) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) break;
      if (done + bytesRead > limit) throw unusable(source, 'it changed meanwhile');
      hash.update(chunk.subarray(0, bytesRead));
      done += await writeChunk(disk, chunk.subarray(0, bytesRead), position + done);
    }
  } finally {
    await file.close();
  }
  return `sha256:${hash.digest('hex')}`;
}

async function writeChunk(disk: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  return (await writeAt(disk, bytes, position)) - position;
}

async function readable<T>(efi: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw unusable(efi, absent ? 'there is no such file' : 'it cannot be read', cause);
  }
}

function unusable(efi: string, why: string, cause?: unknown): BuilderError {
  return new BuilderError('image-invalid', `Cannot put "${efi}" on a disk as ${BOOT_FILE}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
