import { parseGuid } from '../bytes/guid.ts';
import { utf16z } from '../bytes/text.ts';
import { concatBytes, Writer } from '../bytes/writer.ts';
import type { GptPartition } from './gpt.ts';

/** One node: type, sub-type, length with this header, data (UEFI 2.11, table 10.1). */
function node(type: number, subType: number, data: Uint8Array): Uint8Array {
  return new Writer()
    .u8(type)
    .u8(subType)
    .u16(4 + data.length)
    .bytes(data)
    .finish();
}

const end = node(0x7f, 0xff, new Uint8Array(0));

/** The nodes and the end node. */
export function devicePath(...nodes: readonly Uint8Array[]): Uint8Array {
  return concatBytes([...nodes, end]);
}

/** HD(n,GPT,…) (UEFI 2.11, 10.3.5.1). */
export function hardDriveNode(partition: GptPartition): Uint8Array {
  const data = new Writer()
    .u32(partition.number)
    .u64(partition.firstLba)
    .u64(partition.lastLba - partition.firstLba + 1n)
    .bytes(parseGuid(partition.uniqueGuid))
    .u8(2) // GPT
    .u8(2); // signature is a GUID
  return node(4, 1, data.finish());
}

/** A file's path with backslashes (UEFI 2.11, 10.3.5.4). */
export function filePathNode(path: string): Uint8Array {
  return node(4, 4, utf16z(path));
}

/** A vendor's media node without data (UEFI 2.11, 10.3.5.3). */
export function vendorMediaNode(guid: string): Uint8Array {
  return node(4, 3, parseGuid(guid));
}
