import type { Reader } from '../bytes/reader.ts';

/** The 13 bytes that an LZMA_ALONE stream starts with (LZMA SDK, lzma-specification.txt, "LZMA file format"). */
export interface LzmaHeader {
  /** Bits of the byte before that choose a literal's probabilities (0 to 8). */
  readonly literalContextBits: number;
  /** Bits of the output's position that choose a literal's probabilities (0 to 4). */
  readonly literalPositionBits: number;
  /** Bits of the output's position that choose the probabilities of a match (0 to 4). */
  readonly positionBits: number;
  /** How far back a match may reach, in bytes. */
  readonly dictionaryBytes: number;
  /** Size of the output in bytes; `undefined` where the stream ends with a marker instead. */
  readonly outputBytes: number | undefined;
}

/** All ones stand for "not known". */
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn;
/** (lc, lp, pb) are packed as (pb × 5 + lp) × 9 + lc. */
const PROPERTIES_END = 9 * 5 * 5;

/** Reads the header. Throws `truncated`, or `malformed` for properties that the format does not have. */
export function readLzmaHeader(reader: Reader): LzmaHeader {
  const at = reader.offset;
  const properties = reader.u8('properties');
  if (properties >= PROPERTIES_END) {
    throw reader.error('malformed', 'properties', `${properties} is above ${PROPERTIES_END - 1}`, at);
  }
  const dictionaryBytes = reader.u32('dictionarySize');
  const sizeAt = reader.offset;
  const size = reader.u64('uncompressedSize');
  if (size !== UNKNOWN_SIZE && size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw reader.error('malformed', 'uncompressedSize', `${size} is no possible size`, sizeAt);
  }
  return {
    literalContextBits: properties % 9,
    literalPositionBits: Math.floor(properties / 9) % 5,
    positionBits: Math.floor(properties / 45),
    dictionaryBytes,
    outputBytes: size === UNKNOWN_SIZE ? undefined : Number(size),
  };
}
