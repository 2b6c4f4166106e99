import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';

/** Bounds what is unpacked: an option ROM has at most 16 MiB, and no driver in one is as large as that. */
const maxBytes = 0x100_0000;

/** Sizes of the three codes and of the fields that say how many lengths follow (UEFI 2.11, 19.3.3). */
const literals = { symbols: 510, countBits: 9 } as const;
const positions = { symbols: 14, countBits: 4 } as const;
const lengths = { symbols: 19, countBits: 5, pauseAt: 3 } as const;
/** A string has at least so many bytes. */
const threshold = 3;

/**
 * Unpacks data in the UEFI compression format (UEFI 2.11, chapter 19): two sizes, then blocks of Huffman codes for
 * bytes and for strings that occurred before. Throws `truncated`, `malformed`, or `unsupported` for more than 16 MiB.
 */
export function decompressUefi(bytes: Uint8Array): Uint8Array {
  const header = new Reader(bytes, 'UEFI compressed data');
  const packed = header.u32('CompSize');
  const size = header.u32('OrigSize');
  if (size > maxBytes) {
    throw new MeasureError('unsupported', `UEFI compressed data unpacks to ${size} bytes, which is too much`);
  }
  const bits = new Bits(header.bytes(packed, 'data'));
  const output = new Uint8Array(size);
  let done = 0;
  while (done < size) {
    const symbols = bits.take(16);
    if (symbols === 0) throw malformed('a block is empty');
    const lengthCode = readLengths(bits, lengths);
    const literalCode = readLiteralLengths(bits, lengthCode);
    const positionCode = readLengths(bits, positions);
    for (let left = symbols; left > 0 && done < size; left--) {
      const symbol = literalCode.next(bits);
      if (symbol < 256) {
        output[done++] = symbol;
        continue;
      }
      const distance = readPosition(bits, positionCode) + 1;
      if (distance > done) throw malformed('a string begins before the data');
      const end = Math.min(size, done + symbol - 256 + threshold);
      for (; done < end; done++) output[done] = output[done - distance] ?? 0;
    }
  }
  return output;
}

function readPosition(bits: Bits, code: HuffmanCode): number {
  const symbol = code.next(bits);
  return symbol < 2 ? symbol : 2 ** (symbol - 1) + bits.take(symbol - 1);
}

/** Lengths of at most 7 bits stand in 3 bits; a larger one goes on in unary. */
function readLengths(
  bits: Bits,
  { symbols, countBits, pauseAt }: { symbols: number; countBits: number; pauseAt?: number },
): HuffmanCode {
  const count = bits.take(countBits);
  if (count === 0) return HuffmanCode.of(bits.take(countBits));
  if (count > symbols) throw malformed(`${count} lengths, more than ${symbols}`);
  const found: number[] = [];
  while (found.length < count) {
    let length = bits.take(3);
    if (length === 7) while (bits.take(1) === 1) length++;
    found.push(length);
    if (found.length === pauseAt) found.push(...new Array<number>(bits.take(2)).fill(0));
  }
  return new HuffmanCode(found);
}

/** Runs of zeros have codes of their own. */
function readLiteralLengths(bits: Bits, code: HuffmanCode): HuffmanCode {
  const { symbols, countBits } = literals;
  const count = bits.take(countBits);
  if (count === 0) return HuffmanCode.of(bits.take(countBits));
  if (count > symbols) throw malformed(`${count} lengths, more than ${symbols}`);
  const found: number[] = [];
  while (found.length < count) {
    const symbol = code.next(bits);
    if (symbol > 2) found.push(symbol - 2);
    else {
      const zeros = symbol === 0 ? 1 : symbol === 1 ? bits.take(4) + 3 : bits.take(countBits) + 20;
      found.push(...new Array<number>(zeros).fill(0));
    }
  }
  if (found.length > symbols) throw malformed('a run of lengths goes past the last symbol');
  return new HuffmanCode(found);
}

/** A canonical Huffman code: shorter codes first, and of one length in the order of their symbols. */
class HuffmanCode {
  /** Symbols by length, and the first code of each length. */
  readonly #byLength: number[][] = [];
  readonly #only: number | undefined;

  constructor(lengthOf: readonly number[], only?: number) {
    this.#only = only;
    for (const [symbol, length] of lengthOf.entries()) {
      if (length === 0) continue;
      if (length > 16) throw malformed(`a code of ${length} bits`);
      const list = this.#byLength[length] ?? [];
      this.#byLength[length] = list;
      list.push(symbol);
    }
  }

  /** The code of one symbol, which takes no bits. */
  static of(symbol: number): HuffmanCode {
    return new HuffmanCode([], symbol);
  }

  next(bits: Bits): number {
    if (this.#only !== undefined) return this.#only;
    let code = 0;
    let first = 0;
    for (let length = 1; length <= 16; length++) {
      code = (code << 1) | bits.take(1);
      first <<= 1;
      const symbols = this.#byLength[length] ?? [];
      const symbol = symbols[code - first];
      if (symbol !== undefined) return symbol;
      first += symbols.length;
    }
    throw malformed('a code that no symbol has');
  }
}

/** Most significant bit first. */
class Bits {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--, this.#position++) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined)
        throw new MeasureError('truncated', 'UEFI compressed data ends before all is unpacked');
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
    }
    return value;
  }
}

function malformed(what: string): MeasureError {
  return new MeasureError('malformed', `UEFI compressed data: ${what}`);
}
