import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { malformed, PADDING } from './backward-bits.ts';
import { isSkippable, readFrameHeader, ZSTD_MAGIC, type ZstdFrameHeader } from './frame.ts';
import type { HuffmanTable } from './huffman.ts';
import { decodeLiterals, MAX_BLOCK_BYTES } from './literals.ts';
import { decodeSequences, readSequencesHeader, type SequenceTables } from './sequences.ts';

/** What {@link decodeZstd} may be asked to hold. */
export interface ZstdLimits {
  /** Largest output in bytes. */
  readonly maxOutputBytes: number;
}

/** The content of one or more frames, and how far they reach. */
export interface DecodedZstd {
  readonly output: Uint8Array;
  /** Bytes of the input that the frames take. */
  readonly consumedBytes: number;
}

/** From here on a call to the engine's own copying costs less than a loop. */
const LONG_COPY = 64;
const MAX_SEQUENCES = 0x7f00 + 0xffff;

/**
 * Decompresses the zstd frames that `bytes` begins with (RFC 8878), up to the first byte that belongs to none. Memory
 * grows with what was decoded, never on the word of a length field. Checksums of the content are left unread: who
 * compares two contents sees a damaged one.
 *
 * Throws `truncated`, `malformed`, `not-found` without a frame, and `unsupported` for an output above the limit or a
 * frame with a dictionary.
 */
export function decodeZstd(bytes: Uint8Array, { maxOutputBytes }: ZstdLimits): DecodedZstd {
  const decoder = new Decoder(
    maxOutputBytes,
    Math.min(maxOutputBytes, 4 * bytes.length) + MAX_BLOCK_BYTES + PADDING,
  );
  let at = 0;
  let frames = 0;
  while (at + 4 <= bytes.length) {
    const reader = new Reader(bytes.subarray(at), 'zstd frame', at);
    const magic = reader.u32('Magic_Number');
    if (magic === ZSTD_MAGIC) decoder.frame(reader);
    else if (isSkippable(magic)) reader.skip(reader.u32('Frame_Size'), 'User_Data');
    else break;
    at = reader.offset;
    frames += 1;
  }
  if (frames === 0) throw new MeasureError('not-found', 'There is no zstd frame');
  return { output: decoder.output(), consumedBytes: at };
}

/** How far the frames reach that `bytes` begins with; nothing is decompressed. Throws `truncated` and `malformed`. */
export function zstdFramesEnd(bytes: Uint8Array): number {
  let at = 0;
  while (at + 4 <= bytes.length) {
    const reader = new Reader(bytes.subarray(at), 'zstd frame', at);
    const magic = reader.u32('Magic_Number');
    if (magic === ZSTD_MAGIC) skipFrame(reader);
    else if (isSkippable(magic)) reader.skip(reader.u32('Frame_Size'), 'User_Data');
    else break;
    at = reader.offset;
  }
  return at;
}

function skipFrame(reader: Reader): void {
  const { hasChecksum } = readFrameHeader(reader);
  for (let isLast = false; !isLast; ) {
    const head = reader.u16('Block_Header') | (reader.u8('Block_Header') << 16);
    isLast = (head & 1) === 1;
    reader.skip(((head >> 1) & 3) === 1 ? 1 : head >>> 3, 'Block_Content');
  }
  if (hasChecksum) reader.skip(4, 'Content_Checksum');
}

/** The output so far, and what is kept from block to block. */
class Decoder {
  readonly #limit: number;
  #output: Uint8Array;
  #size = 0;
  /** The block that is read, with room on both sides. */
  readonly #block = new Uint8Array(MAX_BLOCK_BYTES + 2 * PADDING);
  readonly #view = new DataView(this.#block.buffer);
  readonly #literals = new Uint8Array(MAX_BLOCK_BYTES + PADDING);
  #sequences = new Int32Array(3 * 4096);

  constructor(limit: number, capacity: number) {
    this.#limit = limit;
    this.#output = new Uint8Array(capacity);
  }

  output(): Uint8Array {
    return this.#output.subarray(0, this.#size);
  }

  /** Decodes a frame behind its magic number. */
  frame(reader: Reader): void {
    const header = readFrameHeader(reader);
    if ((header.contentBytes ?? 0) > this.#limit - this.#size) throw this.#tooLarge();
    const start = this.#size;
    const state: FrameState = {
      start,
      huffman: undefined,
      tables: {},
      recent: [1, 4, 8],
    };
    for (let isLast = false; !isLast; ) {
      const head = reader.u16('Block_Header') | (reader.u8('Block_Header') << 16);
      isLast = (head & 1) === 1;
      this.#decodeBlock(reader, (head >> 1) & 3, head >>> 3, state);
      if (this.#size > this.#limit) throw this.#tooLarge();
    }
    checkContent(header, this.#size - start);
    if (header.hasChecksum) reader.skip(4, 'Content_Checksum');
  }

  /** RFC 8878, 3.1.1.2. */
  #decodeBlock(reader: Reader, type: number, size: number, state: FrameState): void {
    if (size > MAX_BLOCK_BYTES) throw malformed(`a block of ${size} bytes`);
    if (type === 0) {
      const content = reader.bytes(size, 'Block_Content');
      this.#reserve(size);
      this.#output.set(content, this.#size);
      this.#size += size;
    } else if (type === 1) {
      const byte = reader.u8('Block_Content');
      this.#reserve(size);
      this.#output.fill(byte, this.#size, this.#size + size);
      this.#size += size;
    } else if (type === 2) {
      this.#block.set(reader.bytes(size, 'Block_Content'), PADDING);
      this.#compressed(size, state);
    } else throw malformed('a block of the reserved type');
  }

  #compressed(size: number, state: FrameState): void {
    const end = PADDING + size;
    const view = this.#view;
    const literals = decodeLiterals(view, PADDING, end, state.huffman, this.#literals);
    state.huffman = literals.table;
    const header = readSequencesHeader(view, literals.end, end, state.tables);
    state.tables = header.tables;
    this.#reserve(MAX_BLOCK_BYTES);
    if (header.count === 0) {
      this.#output.set(this.#literals.subarray(0, literals.size), this.#size);
      this.#size += literals.size;
      return;
    }
    if (3 * header.count > this.#sequences.length) this.#sequences = new Int32Array(3 * MAX_SEQUENCES);
    decodeSequences(header, view, header.end, end, this.#sequences);
    this.#size = execute(
      this.#output,
      this.#size,
      this.#literals,
      literals.size,
      this.#sequences,
      header.count,
      state,
    );
  }

  /** Makes room for a block of at most `more` bytes, and some beyond it. A block may hold less, so that the limit is no bound here. */
  #reserve(more: number): void {
    const needed = this.#size + more + PADDING;
    if (needed <= this.#output.length) return;
    const most = this.#limit + MAX_BLOCK_BYTES + PADDING;
    const grown = new Uint8Array(Math.min(most, Math.max(2 * this.#output.length, needed)));
    grown.set(this.#output.subarray(0, this.#size));
    this.#output = grown;
  }

  #tooLarge(): MeasureError {
    return new MeasureError(
      'unsupported',
      `zstd: the content is larger than the limit of ${this.#limit} bytes`,
    );
  }
}

interface FrameState {
  /** Where the frame's content starts in the output: matches don't reach further back. */
  readonly start: number;
  huffman: HuffmanTable | undefined;
  tables: SequenceTables;
  /** The last three offsets (RFC 8878, 3.1.1.5). */
  readonly recent: [number, number, number];
}

/** Copies literals and matches (RFC 8878, 3.1.1.4); gives the size of the output. */
function execute(
  output: Uint8Array,
  from: number,
  literals: Uint8Array,
  literalBytes: number,
  sequences: Int32Array,
  count: number,
  { start, recent }: FrameState,
): number {
  let at = from;
  let taken = 0;
  const end = from + MAX_BLOCK_BYTES;
  // Four bytes at a time, up to three too many: what comes next is written over them.
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const words = new DataView(literals.buffer, literals.byteOffset, literals.byteLength);
  let [one, two, three] = recent;
  for (let index = 0; index < 3 * count; index += 3) {
    const run = sequences[index] ?? 0;
    const match = sequences[index + 1] ?? 0;
    const value = sequences[index + 2] ?? 0;
    if (taken + run > literalBytes || at + run + match > end)
      throw malformed('more content than a block may have');
    if (run > LONG_COPY) output.set(literals.subarray(taken, taken + run), at);
    else for (let i = 0; i < run; i += 4) view.setInt32(at + i, words.getInt32(taken + i, true), true);
    at += run;
    taken += run;
    let offset: number;
    if (value > 3) {
      offset = value - 3;
      three = two;
      two = one;
      one = offset;
    } else {
      const which = value + (run === 0 ? 1 : 0);
      if (which === 1) offset = one;
      else {
        offset = which === 2 ? two : which === 3 ? three : one - 1;
        if (which !== 2) three = two;
        two = one;
        one = offset;
      }
    }
    if (offset > at - start || offset === 0) throw malformed('a match that reaches back too far');
    if (offset >= 4 && (match <= LONG_COPY || offset < match)) {
      for (let i = 0; i < match; i += 4) view.setInt32(at + i, view.getInt32(at - offset + i, true), true);
    } else if (offset >= match) output.copyWithin(at, at - offset, at - offset + match);
    else for (let i = 0; i < match; i++) output[at + i] = output[at - offset + i] ?? 0;
    at += match;
  }
  recent[0] = one;
  recent[1] = two;
  recent[2] = three;
  const rest = literalBytes - taken;
  if (at + rest > end) throw malformed('more content than a block may have');
  output.set(literals.subarray(taken, literalBytes), at);
  return at + rest;
}

function checkContent({ contentBytes }: ZstdFrameHeader, decoded: number): void {
  if (contentBytes !== undefined && contentBytes !== decoded) {
    throw new MeasureError('malformed', `zstd: the frame tells ${contentBytes} bytes and holds ${decoded}`);
  }
}
