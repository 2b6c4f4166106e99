import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { type LzmaHeader, readLzmaHeader } from './properties.ts';
import { HALF, RangeDecoder } from './range-decoder.ts';

// Where each kind of symbol has its probabilities (lzma-specification.txt, "LZMA decoding"): all in one array.
const STATES = 12;
const POSITION_STATES = 16;
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
/** A length's two choices, and its trees of 3, 3 and 8 bits. */
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MIDDLE + POSITION_STATES * 8;
const LENGTH_SIZE = LENGTH_HIGH + 256;
const MATCH_LENGTH = IS_REP0_LONG + STATES * POSITION_STATES;
const REP_LENGTH = MATCH_LENGTH + LENGTH_SIZE;
const DISTANCE_SLOT = REP_LENGTH + LENGTH_SIZE;
const LENGTH_STATES = 4;
/** Distances from slot 4 to 13 have trees of their own, up to distance 128. */
const DISTANCE_SPECIAL = DISTANCE_SLOT + LENGTH_STATES * 64;
const FIRST_MODEL_SLOT = 4;
const FIRST_DIRECT_SLOT = 14;
const ALIGN = DISTANCE_SPECIAL + 128;
const ALIGN_BITS = 4;
const LITERAL = ALIGN + (1 << ALIGN_BITS);
/** Of a literal: a plain tree, and one for each value of the bit that a match would have had. */
const LITERAL_SIZE = 0x300;

const MIN_MATCH = 2;
const END_MARKER = 0xffff_ffff;
const MIN_DICTIONARY = 4096;

/**
 * The most that one byte of input can stand for: a match of 273 bytes takes at least 14 bits whose probability is at
 * most 2017/2048, which are 0.31 bits of input.
 */
const MAX_EXPANSION = 8192;
const STREAM_START_BYTES = 5;

/** What {@link decodeLzma} may be asked to hold. */
export interface LzmaLimits {
  /** Largest output in bytes. */
  readonly maxOutputBytes: number;
}

/**
 * Decompresses an LZMA_ALONE stream (LZMA SDK, lzma-specification.txt): a header of 13 bytes, and data up to the size
 * that the header tells, or to an end marker. Bytes after the stream are left alone.
 *
 * Memory is the output's: never more than `maxOutputBytes`, nor than so short an input can hold. Throws `truncated`
 * when the input ends early, `malformed` for a match that reaches back too far or past the end, and `unsupported`
 * for an output above the limit.
 */
export function decodeLzma(bytes: Uint8Array, { maxOutputBytes }: LzmaLimits): Uint8Array {
  const reader = new Reader(bytes, 'LZMA stream');
  const header = readLzmaHeader(reader);
  const { outputBytes } = header;
  const possible = reader.remaining * MAX_EXPANSION;
  if (outputBytes !== undefined && outputBytes > maxOutputBytes) {
    throw reader.error(
      'unsupported',
      'uncompressedSize',
      `${outputBytes} is above the limit ${maxOutputBytes}`,
    );
  }
  if (outputBytes !== undefined && outputBytes > possible) {
    throw reader.error(
      'truncated',
      'uncompressedSize',
      `${outputBytes} bytes can't be held by ${reader.remaining} bytes of input`,
    );
  }
  const start = reader.offset;
  if (reader.u8('firstByte') !== 0) throw reader.error('malformed', 'firstByte', 'is not zero', start);
  reader.skip(STREAM_START_BYTES - 1, 'code');
  const output = new Uint8Array(outputBytes ?? Math.min(maxOutputBytes, possible));
  const length = decodeInto(output, bytes, start, header);
  return length === output.length ? output : output.slice(0, length);
}

/** Decodes into `output` and gives the number of bytes: all of it, or fewer where an end marker came. */
function decodeInto(output: Uint8Array, input: Uint8Array, start: number, header: LzmaHeader): number {
  const { literalContextBits, literalPositionBits, positionBits } = header;
  const dictionaryBytes = Math.max(header.dictionaryBytes, MIN_DICTIONARY);
  const decoder = new RangeDecoder(input, start);
  const literals = LITERAL_SIZE << (literalContextBits + literalPositionBits);
  const probabilities = new Uint16Array(LITERAL + literals).fill(HALF);
  const positionMask = (1 << positionBits) - 1;
  const literalPositionMask = (1 << literalPositionBits) - 1;

  let length = 0;
  let state = 0;
  let rep0 = 0;
  let rep1 = 0;
  let rep2 = 0;
  let rep3 = 0;

  while (length < output.length || header.outputBytes === undefined) {
    if (decoder.overrun) throw truncated(decoder, length);
    const positionState = length & positionMask;

    if (decoder.bit(probabilities, IS_MATCH + state * POSITION_STATES + positionState) === 0) {
      if (length === output.length) throw tooLarge(decoder, length);
      const previous = length === 0 ? 0 : (output[length - 1] ?? 0);
      const context =
        ((length & literalPositionMask) << literalContextBits) | (previous >> (8 - literalContextBits));
      const base = LITERAL + LITERAL_SIZE * context;
      // After a match the byte that the match would have gone on with says what the literal is not.
      output[length] =
        state < 7
          ? decoder.tree(probabilities, base, 8)
          : matchedLiteral(decoder, probabilities, base, output[length - rep0 - 1] ?? 0);
      length += 1;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }

    let matchLength: number;
    if (decoder.bit(probabilities, IS_REP + state) === 0) {
      rep3 = rep2;
      rep2 = rep1;
      rep1 = rep0;
      matchLength = readLength(decoder, probabilities, MATCH_LENGTH, positionState);
      rep0 = readDistance(decoder, probabilities, matchLength);
      state = state < 7 ? 7 : 10;
      if (rep0 === END_MARKER) {
        if (decoder.overrun) throw truncated(decoder, length);
        if (header.outputBytes !== undefined || !decoder.finished)
          throw malformed(decoder, 'an end marker stands where data should follow');
        return length;
      }
    } else {
      if (decoder.bit(probabilities, IS_REP_G0 + state) === 0) {
        if (decoder.bit(probabilities, IS_REP0_LONG + state * POSITION_STATES + positionState) === 0) {
          checkDistance(decoder, rep0, length, dictionaryBytes);
          if (length === output.length) throw tooLarge(decoder, length);
          output[length] = output[length - rep0 - 1] ?? 0;
          length += 1;
          state = state < 7 ? 9 : 11;
          continue;
        }
      } else {
        let distance: number;
        if (decoder.bit(probabilities, IS_REP_G1 + state) === 0) {
          distance = rep1;
        } else {
          if (decoder.bit(probabilities, IS_REP_G2 + state) === 0) {
            distance = rep2;
          } else {
            distance = rep3;
            rep3 = rep2;
          }
          rep2 = rep1;
        }
        rep1 = rep0;
        rep0 = distance;
      }
      matchLength = readLength(decoder, probabilities, REP_LENGTH, positionState);
      state = state < 7 ? 8 : 11;
    }

    checkDistance(decoder, rep0, length, dictionaryBytes);
    if (matchLength > output.length - length) throw tooLarge(decoder, length);
    copyMatch(output, length, rep0 + 1, matchLength);
    length += matchLength;
  }
  if (decoder.overrun) throw truncated(decoder, length);
  return length;
}

function matchedLiteral(
  decoder: RangeDecoder,
  probabilities: Uint16Array,
  base: number,
  matchByte: number,
): number {
  let symbol = 1;
  let match = matchByte;
  while (symbol < 0x100) {
    const matchBit = (match >> 7) & 1;
    match <<= 1;
    const bit = decoder.bit(probabilities, base + ((1 + matchBit) << 8) + symbol);
    symbol = (symbol << 1) | bit;
    if (matchBit === bit) continue;
    // From here on the match byte says nothing any more.
    while (symbol < 0x100) symbol = (symbol << 1) | decoder.bit(probabilities, base + symbol);
  }
  return symbol - 0x100;
}

function readLength(
  decoder: RangeDecoder,
  probabilities: Uint16Array,
  base: number,
  positionState: number,
): number {
  if (decoder.bit(probabilities, base) === 0) {
    return MIN_MATCH + decoder.tree(probabilities, base + LENGTH_LOW + positionState * 8, 3);
  }
  if (decoder.bit(probabilities, base + 1) === 0) {
    return MIN_MATCH + 8 + decoder.tree(probabilities, base + LENGTH_MIDDLE + positionState * 8, 3);
  }
  return MIN_MATCH + 16 + decoder.tree(probabilities, base + LENGTH_HIGH, 8);
}

/** How far back a new match reaches, counted from 0; or the end marker. */
function readDistance(decoder: RangeDecoder, probabilities: Uint16Array, matchLength: number): number {
  const lengthState = Math.min(matchLength - MIN_MATCH, LENGTH_STATES - 1);
  const slot = decoder.tree(probabilities, DISTANCE_SLOT + lengthState * 64, 6);
  if (slot < FIRST_MODEL_SLOT) return slot;
  const lowBits = (slot >> 1) - 1;
  const high = ((2 | (slot & 1)) << lowBits) >>> 0;
  if (slot < FIRST_DIRECT_SLOT) {
    return high + decoder.reverseTree(probabilities, DISTANCE_SPECIAL + high - slot, lowBits);
  }
  const direct = decoder.directBits(lowBits - ALIGN_BITS) * (1 << ALIGN_BITS);
  return high + direct + decoder.reverseTree(probabilities, ALIGN, ALIGN_BITS);
}

/** Source and target may overlap: what a match has written it can repeat. */
function copyMatch(output: Uint8Array, at: number, distance: number, length: number): void {
  const end = at + length;
  for (let i = at; i < end; i++) output[i] = output[i - distance] ?? 0;
}

function checkDistance(decoder: RangeDecoder, rep0: number, length: number, dictionaryBytes: number): void {
  if (rep0 >= length || rep0 >= dictionaryBytes) {
    throw malformed(
      decoder,
      `a match reaches back ${rep0 + 1} bytes, ${Math.min(length, dictionaryBytes)} are there`,
    );
  }
}

function malformed({ position }: RangeDecoder, problem: string): MeasureError {
  return new MeasureError('malformed', `LZMA stream at 0x${position.toString(16)}: ${problem}`, {
    offset: position,
  });
}

function truncated({ position }: RangeDecoder, length: number): MeasureError {
  const at = position - 1;
  return new MeasureError(
    'truncated',
    `LZMA stream at 0x${at.toString(16)}: ends after ${length} bytes of output`,
    {
      offset: at,
    },
  );
}

function tooLarge({ position }: RangeDecoder, length: number): MeasureError {
  return new MeasureError(
    'malformed',
    `LZMA stream at 0x${position.toString(16)}: goes on after its ${length} bytes of output`,
    { offset: position },
  );
}
