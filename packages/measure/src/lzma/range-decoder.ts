/** Probabilities have 11 bits (lzma-specification.txt, `kNumBitModelTotalBits`). */
const PROBABILITY_BITS = 11;
/** How fast they adapt (`kNumMoveBits`). */
const MOVE_BITS = 5;
/** Below this the range is widened by a byte (`kTopValue`). */
const TOP = 2 ** 24;
/** A bit of which nothing is known yet: half. */
export const HALF = 2 ** (PROBABILITY_BITS - 1);

/**
 * The binary arithmetic decoder (lzma-specification.txt, "Range decoder"). It reads zeros past the input's end:
 * whoever decodes looks at `overrun` from time to time.
 */
export class RangeDecoder {
  readonly #input: Uint8Array;
  #position: number;
  #range = 0xffff_ffff | 0;
  #code = 0;

  /** `position` is that of the stream's first byte, which is zero. */
  constructor(input: Uint8Array, position: number) {
    this.#input = input;
    this.#position = position + 1;
    for (let i = 0; i < 4; i++) this.#code = (this.#code << 8) | this.#next();
  }

  /** True when more bytes were asked for than there are. */
  get overrun(): boolean {
    return this.#position > this.#input.length;
  }

  get position(): number {
    return this.#position;
  }

  /** False where the decoder's state is none that an encoder can leave at the end of its stream. */
  get finished(): boolean {
    return this.#code === 0;
  }

  /** Decodes one bit by the probability at `index`, and adapts that. */
  bit(probabilities: Uint16Array, index: number): number {
    const probability = probabilities[index] ?? HALF;
    // Both are 32-bit values in signed numbers: comparisons have to be made unsigned.
    const bound = Math.imul(this.#range >>> PROBABILITY_BITS, probability);
    let bit: number;
    if (this.#code >>> 0 < bound >>> 0) {
      this.#range = bound;
      probabilities[index] = probability + ((2 ** PROBABILITY_BITS - probability) >>> MOVE_BITS);
      bit = 0;
    } else {
      this.#range = (this.#range - bound) | 0;
      this.#code = (this.#code - bound) | 0;
      probabilities[index] = probability - (probability >>> MOVE_BITS);
      bit = 1;
    }
    if (this.#range >>> 0 < TOP) this.#widen();
    return bit;
  }

  /** Decodes `count` bits of equal chance, the highest first. */
  directBits(count: number): number {
    let result = 0;
    for (let i = 0; i < count; i++) {
      this.#range >>>= 1;
      const bit = this.#code >>> 0 >= this.#range >>> 0 ? 1 : 0;
      if (bit === 1) this.#code = (this.#code - this.#range) | 0;
      result = (result << 1) | bit;
      if (this.#range >>> 0 < TOP) this.#widen();
    }
    return result >>> 0;
  }

  /** A tree of bits, the highest first; its probabilities start at `base`. */
  tree(probabilities: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.bit(probabilities, base + symbol);
    return symbol - (1 << bits);
  }

  /** A tree of bits, the lowest first. */
  reverseTree(probabilities: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    let result = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(probabilities, base + symbol);
      symbol = (symbol << 1) | bit;
      result |= bit << i;
    }
    return result;
  }

  #widen(): void {
    this.#range <<= 8;
    this.#code = (this.#code << 8) | this.#next();
  }

  #next(): number {
    return this.#input[this.#position++] ?? 0;
  }
}
