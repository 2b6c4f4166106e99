import { formatGuid } from '../../bytes/guid.ts';
import { Reader } from '../../bytes/reader.ts';
import { fromUtf16 } from '../../bytes/text.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { nameGuid } from './guid-names.ts';

/** What EV_EFI_GPT_EVENT tells of a disk. */
export interface GptEvent {
  readonly diskGuid: string;
  readonly partitions: readonly GptEventPartition[];
}

export interface GptEventPartition {
  readonly typeGuid: string;
  readonly uniqueGuid: string;
  readonly firstLba: bigint;
  readonly lastLba: bigint;
  readonly attributes: bigint;
  readonly name: string;
}

/** UEFI_GPT_DATA (PC Client Platform Firmware Profile 1.06, 10.2.5). Throws `truncated`, `malformed` or `trailing`. */
export function parseGptEvent(data: Uint8Array): GptEvent {
  const reader = new Reader(data, 'UEFI_GPT_DATA');
  const header = reader.within(92, 'UEFIPartitionHeader', 'EFI_PARTITION_TABLE_HEADER');
  header.skip(56, 'Signature to LastUsableLBA');
  const diskGuid = formatGuid(header.bytes(16, 'DiskGUID'));
  header.skip(12, 'PartitionEntryLBA and NumberOfPartitionEntries');
  const size = header.u32('SizeOfPartitionEntry');
  const count = reader.length64('NumberOfPartitions');
  if (size < 128 || count > reader.remaining / size)
    throw reader.error('malformed', 'NumberOfPartitions', `${count} entries of ${size} bytes do not fit`);
  const partitions: GptEventPartition[] = [];
  for (let i = 0; i < count; i++)
    partitions.push(readEntry(reader.within(size, 'Partitions', 'EFI_PARTITION_ENTRY')));
  reader.end();
  return { diskGuid, partitions };
}

function readEntry(reader: Reader): GptEventPartition {
  return {
    typeGuid: formatGuid(reader.bytes(16, 'PartitionTypeGUID')),
    uniqueGuid: formatGuid(reader.bytes(16, 'UniquePartitionGUID')),
    firstLba: reader.u64('StartingLBA'),
    lastLba: reader.u64('EndingLBA'),
    attributes: reader.u64('Attributes'),
    name: fromUtf16(reader.bytes(72, 'PartitionName')),
  };
}

/** EV_EFI_GPT_EVENT and EV_EFI_GPT_EVENT2. */
export function decodeGptEvent(data: Uint8Array): DecodedData {
  const { diskGuid, partitions } = parseGptEvent(data);
  const count = `${partitions.length} ${partitions.length === 1 ? 'partition' : 'partitions'}`;
  return decoded(
    `partition table of disk ${diskGuid} with ${count}`,
    'partition table',
    partitions.map(
      ({ name, typeGuid, uniqueGuid, firstLba, lastLba }) =>
        `"${name}": ${nameGuid(typeGuid)}, ${uniqueGuid}, blocks ${firstLba} to ${lastLba}`,
    ),
  );
}
