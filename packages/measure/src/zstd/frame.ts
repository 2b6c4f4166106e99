import type { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';

/** What stands before the blocks of a frame (RFC 8878, 3.1.1.1). */
export interface ZstdFrameHeader {
  /** Size of the content where the frame tells it. */
  readonly contentBytes: number | undefined;
  readonly windowBytes: number;
  readonly hasChecksum: boolean;
}

/** RFC 8878, 3.1.1, little-endian. */
export const ZSTD_MAGIC = 0xfd2fb528;
/** RFC 8878, 3.1.2: the lowest of sixteen. */
const SKIPPABLE_MAGIC = 0x184d2a50;

/** True for the magic number of a frame without content. */
export function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}

/** True when the bytes begin with a frame of zstd's. */
export function isZstd(bytes: Uint8Array): boolean {
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
}

/** Reads a frame's header behind its magic number. Throws `truncated`, or `unsupported` for one with a dictionary. */
export function readFrameHeader(reader: Reader): ZstdFrameHeader {
  const at = reader.offset;
  const descriptor = reader.u8('Frame_Header_Descriptor');
  if ((descriptor & 0x08) !== 0)
    throw reader.error('malformed', 'Frame_Header_Descriptor', 'its reserved bit is set', at);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const window = isSingleSegment ? undefined : windowBytes(reader.u8('Window_Descriptor'));
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  if (!reader.bytes(dictionaryBytes, 'Dictionary_ID').every((byte) => byte === 0)) {
    throw new MeasureError('unsupported', `The zstd frame at 0x${at.toString(16)} needs a dictionary`);
  }
  const contentBytes = readContentSize(reader, descriptor >> 6, isSingleSegment);
  return {
    contentBytes,
    windowBytes: window ?? contentBytes ?? 0,
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

/** RFC 8878, 3.1.1.1.2. */
function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** RFC 8878, 3.1.1.1.4. */
function readContentSize(reader: Reader, flag: number, isSingleSegment: boolean): number | undefined {
  if (flag === 0) return isSingleSegment ? reader.u8('Frame_Content_Size') : undefined;
  if (flag === 1) return reader.u16('Frame_Content_Size') + 256;
  return flag === 2 ? reader.u32('Frame_Content_Size') : reader.length64('Frame_Content_Size');
}
