import { isZero } from '../bytes/compare.ts';
import { formatGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { fromUtf16, showAscii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { crc32 } from './crc32.ts';

/** A used entry of the partition array (UEFI 2.11, table 5.7). */
export interface GptPartition {
  /** Number that firmware gives it: position in the array, from 1. */
  readonly number: number;
  readonly typeGuid: string;
  readonly uniqueGuid: string;
  readonly firstLba: bigint;
  readonly lastLba: bigint;
  readonly attributes: bigint;
  readonly name: string;
  /** The entry as it stands on disk. */
  readonly bytes: Uint8Array;
}

/** The primary GUID partition table of a disk. */
export interface Gpt {
  readonly sectorSize: number;
  readonly diskGuid: string;
  readonly partitions: readonly GptPartition[];
  /** EFI_PARTITION_TABLE_HEADER as it stands on disk: 92 bytes. */
  readonly header: Uint8Array;
}

const headerSize = 92;
/** More than this for the whole array is not a partition table but an attack on memory or time. */
const maxArraySize = 1 << 20;

/**
 * Parses the primary GPT (UEFI 2.11, 5.3). `disk` is the disk, or its beginning as far as the partition array
 * reaches (34 sectors of 512 bytes in the usual layout). Both checksums are verified, as firmware
 * falls back to the other table when they are wrong.
 * Throws `not-found` when there is no GPT, `truncated` or `malformed` when it is broken.
 */
export function parseGpt(disk: Uint8Array, sectorSize = 512): Gpt {
  const sector = disk.subarray(sectorSize, 2 * sectorSize);
  if (sector.length < 8 || showAscii(sector.subarray(0, 8)) !== 'EFI PART') {
    throw new MeasureError('not-found', `There is no GPT header at 0x${sectorSize.toString(16)}`, {
      offset: sectorSize,
    });
  }
  const reader = new Reader(sector, 'EFI_PARTITION_TABLE_HEADER', sectorSize);
  reader.skip(12, 'Signature and Revision');
  const declaredSize = reader.u32('HeaderSize');
  if (declaredSize < headerSize || declaredSize > sectorSize) {
    throw reader.error(
      'malformed',
      'HeaderSize',
      `${declaredSize} is not between ${headerSize} and ${sectorSize}`,
    );
  }
  const headerCrc = reader.u32('HeaderCRC32');
  reader.skip(4, 'Reserved');
  const myLba = reader.u64('MyLBA');
  reader.skip(24, 'AlternateLBA to LastUsableLBA');
  const diskGuid = formatGuid(reader.bytes(16, 'DiskGUID'));
  const arrayLba = reader.length64('PartitionEntryLBA');
  const count = reader.u32('NumberOfPartitionEntries');
  const size = reader.u32('SizeOfPartitionEntry');
  const arrayCrc = reader.u32('PartitionEntryArrayCRC32');
  if (myLba !== 1n) throw reader.error('malformed', 'MyLBA', `is ${myLba}, not 1`);
  if (size < 128 || size % 128 !== 0 || count * size > maxArraySize) {
    throw reader.error('malformed', 'SizeOfPartitionEntry', `${count} entries of ${size} bytes`);
  }
  checkCrc('header', zeroAt(sector.subarray(0, declaredSize), 16, 4), headerCrc);

  const arrayStart = arrayLba * sectorSize;
  const array = new Reader(
    disk.subarray(Math.min(arrayStart, disk.length)),
    'EFI_PARTITION_ENTRY',
    arrayStart,
  );
  const entries = array.bytes(count * size, 'array');
  checkCrc('partition array', entries, arrayCrc);
  return {
    sectorSize,
    diskGuid,
    header: sector.subarray(0, headerSize),
    partitions: readEntries(entries, size, arrayStart),
  };
}

function readEntries(entries: Uint8Array, size: number, start: number): GptPartition[] {
  const partitions: GptPartition[] = [];
  for (let at = 0; at < entries.length; at += size) {
    const bytes = entries.subarray(at, at + size);
    const typeGuid = bytes.subarray(0, 16);
    if (isZero(typeGuid)) continue;
    const reader = new Reader(bytes, 'EFI_PARTITION_ENTRY', start + at);
    reader.skip(16, 'PartitionTypeGUID');
    partitions.push({
      number: at / size + 1,
      typeGuid: formatGuid(typeGuid),
      uniqueGuid: formatGuid(reader.bytes(16, 'UniquePartitionGUID')),
      firstLba: reader.u64('StartingLBA'),
      lastLba: reader.u64('EndingLBA'),
      attributes: reader.u64('Attributes'),
      name: fromUtf16(reader.bytes(72, 'PartitionName')),
      bytes,
    });
  }
  return partitions;
}

function checkCrc(what: string, bytes: Uint8Array, wanted: number): void {
  const got = crc32(bytes);
  if (got !== wanted) {
    throw new MeasureError(
      'malformed',
      `GPT ${what}: its CRC-32 is 0x${got.toString(16)}, the header says 0x${wanted.toString(16)}`,
    );
  }
}

function zeroAt(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return bytes.slice().fill(0, offset, offset + length);
}

/**
 * UEFI_GPT_DATA, which EV_EFI_GPT_EVENT measures: the header, the number of used entries as u64, the used
 * entries (PC Client Platform Firmware Profile 1.06, 10.2.5; edk2 `Tcg2MeasureGptTable`).
 */
export function encodeGptEvent(gpt: Gpt): Uint8Array {
  const writer = new Writer().bytes(gpt.header).u64(gpt.partitions.length);
  for (const { bytes } of gpt.partitions) writer.bytes(bytes);
  return writer.finish();
}

/** The partition array's first EFI system partition, or `undefined` (UEFI 2.11, table 5.8). */
export function findEsp(gpt: Gpt): GptPartition | undefined {
  return gpt.partitions.find(({ typeGuid }) => typeGuid === 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b');
}
