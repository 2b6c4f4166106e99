import { bitsAt, lastBit, malformed } from './backward-bits.ts';
import { readFseTable } from './fse.ts';

/** A Huffman table: by the next `maxBits` bits the symbol (low byte) and the length of its code (high byte). */
export interface HuffmanTable {
  readonly maxBits: number;
  readonly entries: Uint16Array;
}

/** RFC 8878, 4.2.1: at most 11 bits a code, 256 symbols. */
const MAX_BITS = 11;
const MAX_WEIGHT_ACCURACY = 6;

/** Reads a tree description (RFC 8878, 4.2.1) at byte `start`, and tells where it ends. */
export function readHuffmanTable(
  view: DataView,
  start: number,
  limit: number,
): { readonly table: HuffmanTable; readonly end: number } {
  if (start >= limit) throw malformed('a Huffman tree that is cut short');
  const header = view.getUint8(start);
  const count = header - 127;
  const end = start + 1 + (header < 128 ? header : (count + 1) >> 1);
  if (end > limit) throw malformed('a Huffman tree that is cut short');
  const weights =
    header < 128 ? compressedWeights(view, start + 1, end) : directWeights(view, start + 1, count);
  return { table: buildTable(weights), end };
}

function directWeights(view: DataView, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const byte = view.getUint8(start + (index >> 1));
    return index % 2 === 0 ? byte >> 4 : byte & 15;
  });
}

/** RFC 8878, 4.2.1.2: two states that take turns, until the bits are used up. */
function compressedWeights(view: DataView, start: number, end: number): number[] {
  const { table, end: dataStart } = readFseTable(view, start, end, MAX_WEIGHT_ACCURACY, 255);
  const { accuracyLog, symbols, bits, base } = table;
  const floor = 8 * dataStart;
  let position = lastBit(view, dataStart, end);
  const weights: number[] = [];
  const take = (count: number): number => {
    position -= count;
    return bitsAt(view, position, count);
  };
  let one = take(accuracyLog);
  let other = take(accuracyLog);
  if (position < floor) throw malformed('Huffman weights that are cut short');
  while (weights.length < 255) {
    weights.push(symbols[one] ?? 0);
    const need = bits[one] ?? 0;
    if (position - need < floor) {
      weights.push(symbols[other] ?? 0);
      return weights;
    }
    const next = (base[one] ?? 0) + take(need);
    one = other;
    other = next;
  }
  throw malformed('a Huffman tree with too many weights');
}

/** RFC 8878, 4.2.1.3: the last weight follows from the others, codes from the weights. */
function buildTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_BITS) throw malformed(`a Huffman weight of ${weight}`);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum === 0 || weights.length > 255) throw malformed('a Huffman tree without codes');
  const maxBits = 32 - Math.clz32(sum);
  const left = (1 << maxBits) - sum;
  if (maxBits > MAX_BITS || (left & (left - 1)) !== 0)
    throw malformed('a Huffman tree that adds up to no tree');
  const all = [...weights, 32 - Math.clz32(left)];
  const entries = new Uint16Array(1 << maxBits);
  let at = 0;
  for (let weight = 1; weight <= maxBits; weight++) {
    for (const [symbol, own] of all.entries()) {
      if (own !== weight) continue;
      const end = at + (1 << (weight - 1));
      entries.fill(((maxBits + 1 - weight) << 8) | symbol, at, end);
      at = end;
    }
  }
  return { maxBits, entries };
}

/** Decodes one stream of literals into `output` from `from` to `to` (RFC 8878, 4.2.2). */
export function decodeHuffman(
  { maxBits, entries }: HuffmanTable,
  view: DataView,
  start: number,
  end: number,
  output: Uint8Array,
  from: number,
  to: number,
): void {
  const floor = 8 * start;
  const mask = (1 << maxBits) - 1;
  let position = lastBit(view, start, end);
  let at = from;
  // A word that ends with the byte of `position` has at least 24 bits below it: two codes of at most 11.
  for (; at + 1 < to; at += 2) {
    const byte = (position >>> 3) - 3;
    const word = view.getInt32(byte, true);
    const shift = position - 8 * byte - maxBits;
    const first = entries[(word >>> shift) & mask] ?? 0;
    const second = entries[(word >>> (shift - (first >> 8))) & mask] ?? 0;
    output[at] = first;
    output[at + 1] = second;
    position -= (first >> 8) + (second >> 8);
    if (position < floor) throw malformed('literals that are cut short');
  }
  if (at < to) {
    const byte = (position >>> 3) - 3;
    const entry = entries[(view.getInt32(byte, true) >>> (position - 8 * byte - maxBits)) & mask] ?? 0;
    output[at] = entry;
    position -= entry >> 8;
  }
  if (position !== floor) throw malformed('literals whose codes do not end with their stream');
}
