import { hexNumber } from '../bytes/hex.ts';
import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { type LengthProbabilities, newProbabilities, type Probabilities } from './probabilities.ts';
import { type LzmaHeader, readLzmaHeader } from './properties.ts';
import { RangeDecoder } from './range-decoder.ts';

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
  const probabilities = newProbabilities(header);
  const { isMatch, isRep, isRepG0, isRepG1, isRepG2, isRep0Long, literal, matchLength, repLength } =
    probabilities;
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

    if (decoder.bit(isMatch, state * 16 + positionState) === 0) {
      if (length === output.length) throw tooLarge(decoder, length);
      const previous = length === 0 ? 0 : (output[length - 1] ?? 0);
      const context =
        ((length & literalPositionMask) << literalContextBits) | (previous >> (8 - literalContextBits));
      const base = 0x300 * context;
      // After a match the byte that the match would have gone on with says what the literal is not.
      output[length] =
        state < 7
          ? decoder.tree(literal, base, 8)
          : matchedLiteral(decoder, literal, base, output[length - rep0 - 1] ?? 0);
      length += 1;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }

    let count: number;
    if (decoder.bit(isRep, state) === 0) {
      rep3 = rep2;
      rep2 = rep1;
      rep1 = rep0;
      count = readLength(decoder, matchLength, positionState);
      rep0 = readDistance(decoder, probabilities, count);
      state = state < 7 ? 7 : 10;
      if (rep0 === END_MARKER) {
        if (decoder.overrun || header.outputBytes !== undefined || !decoder.finished) {
          throw malformed(decoder, length, 'an end marker stands where data should follow');
        }
        return length;
      }
    } else {
      if (decoder.bit(isRepG0, state) === 0) {
        if (decoder.bit(isRep0Long, state * 16 + positionState) === 0) {
          checkDistance(decoder, rep0, length, dictionaryBytes);
          if (length === output.length) throw tooLarge(decoder, length);
          output[length] = output[length - rep0 - 1] ?? 0;
          length += 1;
          state = state < 7 ? 9 : 11;
          continue;
        }
      } else {
        let distance: number;
        if (decoder.bit(isRepG1, state) === 0) {
          distance = rep1;
        } else {
          if (decoder.bit(isRepG2, state) === 0) {
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
      count = readLength(decoder, repLength, positionState);
      state = state < 7 ? 8 : 11;
    }

    checkDistance(decoder, rep0, length, dictionaryBytes);
    if (count > output.length - length) throw tooLarge(decoder, length);
    copyMatch(output, length, rep0 + 1, count);
    length += count;
  }
  if (decoder.overrun) throw truncated(decoder, length);
  return length;
}

function matchedLiteral(
  decoder: RangeDecoder,
  literal: Uint16Array,
  base: number,
  matchByte: number,
): number {
  let symbol = 1;
  let match = matchByte;
  while (symbol < 0x100) {
    const matchBit = (match >> 7) & 1;
    match <<= 1;
    const bit = decoder.bit(literal, base + ((1 + matchBit) << 8) + symbol);
    symbol = (symbol << 1) | bit;
    if (matchBit === bit) continue;
    // From here on the match byte says nothing any more.
    while (symbol < 0x100) symbol = (symbol << 1) | decoder.bit(literal, base + symbol);
  }
  return symbol - 0x100;
}

/** A match has at least two bytes. */
function readLength(
  decoder: RangeDecoder,
  { choice, low, middle, high }: LengthProbabilities,
  positionState: number,
): number {
  if (decoder.bit(choice, 0) === 0) return 2 + decoder.tree(low, positionState * 8, 3);
  if (decoder.bit(choice, 1) === 0) return 10 + decoder.tree(middle, positionState * 8, 3);
  return 18 + decoder.tree(high, 0, 8);
}

/** How far back a new match reaches, counted from 0; or the end marker. */
function readDistance(
  decoder: RangeDecoder,
  { distanceSlot, distanceSpecial, distanceAlign }: Probabilities,
  count: number,
): number {
  const slot = decoder.tree(distanceSlot, Math.min(count - 2, 3) * 64, 6);
  if (slot < 4) return slot;
  const lowBits = (slot >> 1) - 1;
  const high = ((2 | (slot & 1)) << lowBits) >>> 0;
  if (slot < 14) return high + decoder.reverseTree(distanceSpecial, high - slot, lowBits);
  const direct = decoder.directBits(lowBits - 4) * 16;
  return high + direct + decoder.reverseTree(distanceAlign, 0, 4);
}

/** Source and target may overlap: what a match has written it can repeat. */
function copyMatch(output: Uint8Array, at: number, distance: number, length: number): void {
  const end = at + length;
  for (let i = at; i < end; i++) output[i] = output[i - distance] ?? 0;
}

function checkDistance(decoder: RangeDecoder, rep0: number, length: number, dictionaryBytes: number): void {
  const reach = Math.min(length, dictionaryBytes);
  if (rep0 < reach) return;
  throw malformed(decoder, length, `a match reaches back ${rep0 + 1} bytes, ${reach} are there`);
}

/** Past the end of its input the decoder reads zeros, of which anything can come: then that is what is wrong. */
function malformed(decoder: RangeDecoder, length: number, problem: string): MeasureError {
  if (decoder.overrun) return truncated(decoder, length);
  return new MeasureError('malformed', `LZMA stream at ${hexNumber(decoder.position)}: ${problem}`, {
    offset: decoder.position,
  });
}

function truncated({ position }: RangeDecoder, length: number): MeasureError {
  const at = position - 1;
  return new MeasureError(
    'truncated',
    `LZMA stream at ${hexNumber(at)}: ends after ${length} bytes of output`,
    { offset: at },
  );
}

function tooLarge(decoder: RangeDecoder, length: number): MeasureError {
  return malformed(decoder, length, `goes on after its ${length} bytes of output`);
}
