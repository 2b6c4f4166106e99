import { malformed } from './backward-bits.ts';
import { decodeHuffman, type HuffmanTable, readHuffmanTable } from './huffman.ts';

/** RFC 8878, 3.1.1.2.4: no block stands for more. */
export const MAX_BLOCK_BYTES = 128 * 1024;

/** The literals of a block. */
export interface Literals {
  readonly size: number;
  /** The tree for later blocks. */
  readonly table: HuffmanTable | undefined;
  /** Where the sequences start. */
  readonly end: number;
}

/** Decodes a block's literals section (RFC 8878, 3.1.1.3.1) into `output`. */
export function decodeLiterals(
  view: DataView,
  start: number,
  limit: number,
  earlier: HuffmanTable | undefined,
  output: Uint8Array,
): Literals {
  if (start >= limit) throw malformed('no literals section');
  const first = view.getUint8(start);
  const type = first & 3;
  const format = (first >> 2) & 3;
  return type < 2
    ? plainLiterals(view, start, limit, earlier, output, type === 1, format)
    : codedLiterals(view, start, limit, type === 3 ? earlier : undefined, output, type === 3, format);
}

/** Raw_Literals_Block and RLE_Literals_Block. */
function plainLiterals(
  view: DataView,
  start: number,
  limit: number,
  table: HuffmanTable | undefined,
  output: Uint8Array,
  isRun: boolean,
  format: number,
): Literals {
  const headerBytes = [1, 2, 1, 3][format] ?? 1;
  const header = view.getInt32(start, true) & ((1 << (8 * headerBytes)) - 1);
  const size = header >>> (headerBytes === 1 ? 3 : 4);
  const at = start + headerBytes;
  const end = at + (isRun ? 1 : size);
  if (size > MAX_BLOCK_BYTES || end > limit) throw malformed('literals that are cut short');
  if (isRun) output.fill(view.getUint8(at), 0, size);
  else output.set(new Uint8Array(view.buffer, view.byteOffset + at, size));
  return { size, table, end };
}

/** Compressed_Literals_Block and Treeless_Literals_Block. */
function codedLiterals(
  view: DataView,
  start: number,
  limit: number,
  earlier: HuffmanTable | undefined,
  output: Uint8Array,
  isTreeless: boolean,
  format: number,
): Literals {
  const sizeBits = [10, 10, 14, 18][format] ?? 10;
  const header = view.getBigUint64(start, true) >> 4n;
  const mask = (1n << BigInt(sizeBits)) - 1n;
  const size = Number(header & mask);
  const compressed = Number((header >> BigInt(sizeBits)) & mask);
  const body = start + ((4 + 2 * sizeBits + 7) >> 3);
  const end = body + compressed;
  if (size > MAX_BLOCK_BYTES || end > limit) throw malformed('literals that are cut short');
  const tree = isTreeless ? undefined : readHuffmanTable(view, body, end);
  const table = tree?.table ?? earlier;
  if (!table) throw malformed('literals without a Huffman tree');
  const streams = tree?.end ?? body;
  if (format === 0) decodeHuffman(table, view, streams, end, output, 0, size);
  else decodeFour(table, view, streams, end, output, size);
  return { size, table, end };
}

/** Four streams behind a jump table (RFC 8878, 3.1.1.3.1.6). */
function decodeFour(
  table: HuffmanTable,
  view: DataView,
  start: number,
  end: number,
  output: Uint8Array,
  size: number,
): void {
  const share = (size + 3) >> 2;
  if (end - start < 6 || 3 * share > size) throw malformed('literals in four streams that are too short');
  let at = start + 6;
  for (let stream = 0; stream < 4; stream++) {
    const length = stream < 3 ? view.getUint16(start + 2 * stream, true) : end - at;
    if (at + length > end) throw malformed('literals that are cut short');
    const from = stream * share;
    decodeHuffman(table, view, at, at + length, output, from, stream < 3 ? from + share : size);
    at += length;
  }
}
