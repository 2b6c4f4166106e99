import { crc32 } from 'node:zlib';
import { parseGuid } from '@altee/measure';
import { BuilderError } from '../error.ts';

export const SECTOR_BYTES = 512;
/** Entries of 128 bytes each: the least that UEFI asks for (UEFI 2.11 §5.3.1: 16,384 bytes reserved). */
const ENTRY_COUNT = 128;
const ENTRY_BYTES = 128;
const HEADER_BYTES = 92;
const ENTRIES_SECTORS = (ENTRY_COUNT * ENTRY_BYTES) / SECTOR_BYTES;
/** Protective MBR, header, entries. */
export const PRIMARY_SECTORS = 2 + ENTRIES_SECTORS;
/** Entries, header. */
export const BACKUP_SECTORS = ENTRIES_SECTORS + 1;

/** UEFI 2.11 §5.3.3, table 5.7. */
export const EFI_SYSTEM_PARTITION = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';

export interface GptPartition {
  readonly type: string;
  readonly guid: string;
  /** First and last sector, both included. */
  readonly firstLba: number;
  readonly lastLba: number;
  /** At most 36 UTF-16 code units. */
  readonly name: string;
}

export interface GptDisk {
  readonly guid: string;
  /** Sectors of the whole disk. */
  readonly sectors: number;
  readonly partitions: readonly GptPartition[];
}

/** The two places where a disk holds its partition table. */
export interface EncodedGpt {
  /** Protective MBR, header and entries, from sector 0. */
  readonly primary: Uint8Array;
  /** Entries and header, the last {@link BACKUP_SECTORS} sectors. */
  readonly backup: Uint8Array;
}

/**
 * A GUID partition table for sectors of 512 bytes (UEFI 2.11 §5.2.3, §5.3).
 * Throws `image-invalid` for partitions that overlap each other or the tables, or don't fit.
 */
export function encodeGpt(disk: GptDisk): EncodedGpt {
  checkPartitions(disk);
  const entries = encodeEntries(disk.partitions);
  const last = disk.sectors - 1;
  const primary = new Uint8Array(PRIMARY_SECTORS * SECTOR_BYTES);
  primary.set(encodeProtectiveMbr(disk.sectors));
  primary.set(encodeHeader(disk, entries, { own: 1, other: last, entries: 2 }), SECTOR_BYTES);
  primary.set(entries, 2 * SECTOR_BYTES);
  const backup = new Uint8Array(BACKUP_SECTORS * SECTOR_BYTES);
  backup.set(entries);
  backup.set(
    encodeHeader(disk, entries, { own: last, other: 1, entries: last - ENTRIES_SECTORS }),
    entries.length,
  );
  return { primary, backup };
}

function checkPartitions({ sectors, partitions }: GptDisk): void {
  let free = PRIMARY_SECTORS;
  if (partitions.length > ENTRY_COUNT)
    throw invalid(`${partitions.length} partitions, more than ${ENTRY_COUNT}`);
  for (const { name, firstLba, lastLba } of partitions) {
    if (name.length > 36) throw invalid(`partition name "${name}" has more than 36 characters`);
    if (firstLba < free || lastLba < firstLba || lastLba >= sectors - BACKUP_SECTORS) {
      throw invalid(
        `partition "${name}" (${firstLba} to ${lastLba}) overlaps another or does not fit in ${sectors}`,
      );
    }
    free = lastLba + 1;
  }
}

/** UEFI 2.11 §5.2.3: one record of type 0xEE over the whole disk. */
function encodeProtectiveMbr(sectors: number): Uint8Array {
  const mbr = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(mbr.buffer);
  const record = 446;
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], record);
  view.setUint32(record + 8, 1, true);
  view.setUint32(record + 12, Math.min(sectors - 1, 0xffff_ffff), true);
  view.setUint16(510, 0xaa55, true);
  return mbr;
}

/** UEFI 2.11 §5.3.2, table 5.5. */
function encodeHeader(
  disk: GptDisk,
  entries: Uint8Array,
  lba: { own: number; other: number; entries: number },
): Uint8Array {
  const header = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(header.buffer);
  header.set(Buffer.from('EFI PART', 'latin1'));
  view.setUint32(8, 0x0001_0000, true); // revision 1.0
  view.setUint32(12, HEADER_BYTES, true);
  view.setBigUint64(24, BigInt(lba.own), true);
  view.setBigUint64(32, BigInt(lba.other), true);
  view.setBigUint64(40, BigInt(PRIMARY_SECTORS), true); // first usable
  view.setBigUint64(48, BigInt(disk.sectors - BACKUP_SECTORS - 1), true); // last usable
  header.set(parseGuid(disk.guid), 56);
  view.setBigUint64(72, BigInt(lba.entries), true);
  view.setUint32(80, ENTRY_COUNT, true);
  view.setUint32(84, ENTRY_BYTES, true);
  view.setUint32(88, crc32(entries), true);
  view.setUint32(16, crc32(header.subarray(0, HEADER_BYTES)), true);
  return header;
}

/** UEFI 2.11 §5.3.3, table 5.6. */
function encodeEntries(partitions: readonly GptPartition[]): Uint8Array {
  const entries = new Uint8Array(ENTRY_COUNT * ENTRY_BYTES);
  const view = new DataView(entries.buffer);
  partitions.forEach(({ type, guid, firstLba, lastLba, name }, i) => {
    const at = i * ENTRY_BYTES;
    entries.set(parseGuid(type), at);
    entries.set(parseGuid(guid), at + 16);
    view.setBigUint64(at + 32, BigInt(firstLba), true);
    view.setBigUint64(at + 40, BigInt(lastLba), true);
    entries.set(Buffer.from(name, 'utf16le'), at + 56);
  });
  return entries;
}

function invalid(what: string): BuilderError {
  return new BuilderError('image-invalid', `Cannot write the partition table: ${what}`);
}
