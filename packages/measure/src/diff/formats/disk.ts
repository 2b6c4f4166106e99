import { showAscii } from '../../bytes/text.ts';
import { type GptPartition, parseGpt } from '../../uefi/gpt.ts';
import type { Format, Part } from '../parts.ts';
import { type FieldTable, readFieldTable, tableBytes } from './field-table.ts';

const SECTOR = 512;

/** EFI_PARTITION_TABLE_HEADER (UEFI 2.11, table 5.5). */
const headerTable: FieldTable = [
  ['Signature', 8],
  ['Revision', 4],
  ['HeaderSize', 4],
  ['HeaderCRC32', 4],
  ['Reserved', 4],
  ['MyLBA', 8],
  ['AlternateLBA', 8],
  ['FirstUsableLBA', 8],
  ['LastUsableLBA', 8],
  ['DiskGUID', 16],
  ['PartitionEntryLBA', 8],
  ['NumberOfPartitionEntries', 4],
  ['SizeOfPartitionEntry', 4],
  ['PartitionEntryArrayCRC32', 4],
];

/** A disk with a GUID partition table: its header as fields, a part for each partition. */
export const diskFormat: Format = {
  name: 'GPT disk',
  recognises: (bytes) => showAscii(bytes.subarray(SECTOR, SECTOR + 8)) === 'EFI PART',
  split: (bytes) => {
    const gpt = parseGpt(bytes);
    const fields = readFieldTable(bytes, SECTOR, 'EFI_PARTITION_TABLE_HEADER', headerTable).map((field) =>
      field.name === 'DiskGUID' ? { ...field, value: gpt.diskGuid } : field,
    );
    return {
      format: 'GPT disk',
      fields,
      told: [[SECTOR, tableBytes(headerTable)]],
      parts: [
        { name: 'protective MBR', bytes: bytes.subarray(0, SECTOR), offset: 0 },
        ...gpt.partitions.map((partition) => partitionPart(bytes, partition, gpt.sectorSize)),
      ],
      rest: 'backup of the partition table, and space between the partitions',
    };
  },
};

function partitionPart(disk: Uint8Array, partition: GptPartition, sectorBytes: number): Part {
  const { number, typeGuid, uniqueGuid, firstLba, lastLba, attributes, name, bytes } = partition;
  const start = Math.min(Number(firstLba) * sectorBytes, disk.length);
  const end = Math.min((Number(lastLba) + 1) * sectorBytes, disk.length);
  return {
    name: `partition ${number}`,
    fields: [
      { name: 'type', value: typeGuid },
      { name: 'GUID', value: uniqueGuid },
      { name: 'first LBA', value: String(firstLba) },
      { name: 'last LBA', value: String(lastLba) },
      { name: 'attributes', value: `0x${attributes.toString(16)}` },
      { name: 'name', value: name },
    ],
    told: [[bytes.byteOffset - disk.byteOffset, bytes.length]],
    bytes: disk.subarray(start, Math.max(start, end)),
    offset: start,
  };
}
