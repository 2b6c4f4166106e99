/** A bit of which nothing is known yet: half of 2^11. */
export const HALF = 1024;

/**
 * The binary arithmetic decoder (LZMA SDK, lzma-specification.txt, "Range decoder"). It reads zeros past the input's
 * end: whoever decodes looks at `overrun` from time to time.
 *
 * Numbers of the specification stand here as digits: probabilities have 11 bits (`kNumBitModelTotalBits`) and adapt
 * by 5 (`kNumMoveBits`), and the range is widened by a byte when it falls below 2^24 (`kTopValue`). Names would cost:
 * a bundler makes them variables, which are read for each bit. Range and code are 32-bit values in signed numbers, so
 * that comparisons have to be made unsigned.
 */
export class RangeDecoder {
  readonly #input: Uint8Array;
  #position: number;
  #range = -1;
  #code = 0;

  /** `position` is that of the stream's first byte, which is zero. */
  constructor(input: Uint8Array, position: number) {
    this.#input = input;
    this.#position = position + 1;
    for (let i = 0; i < 4; i++) this.#code = (this.#code << 8) | (input[this.#position++] ?? 0);
  }

  /** True when more bytes were asked for than there are. */
  get overrun(): boolean {
    return this.#position > this.#input.length;
  }

  /** Offset of the next byte of the input. */
  get position(): number {
    return this.#position;
  }

  /** Whether the state is the one that an encoder leaves at the end of its stream. */
  get finished(): boolean {
    return this.#code === 0;
  }

  /** Decodes one bit by the probability at `index`, and adapts that. */
  bit(probabilities: Uint16Array, index: number): number {
    const probability = probabilities[index] ?? 0;
    const bound = Math.imul(this.#range >>> 11, probability);
    if (this.#code >>> 0 < bound >>> 0) {
      probabilities[index] = probability + ((2048 - probability) >>> 5);
      this.#range = bound;
      if (bound >>> 0 < 0x100_0000) this.#widen();
      return 0;
    }
    probabilities[index] = probability - (probability >>> 5);
    this.#range = (this.#range - bound) | 0;
    this.#code = (this.#code - bound) | 0;
    if (this.#range >>> 0 < 0x100_0000) this.#widen();
    return 1;
  }

  /** Decodes `count` bits of equal chance, the highest first. */
  directBits(count: number): number {
    let result = 0;
    for (let i = 0; i < count; i++) {
      this.#range >>>= 1;
      const bit = this.#code >>> 0 >= this.#range >>> 0 ? 1 : 0;
      if (bit === 1) this.#code = (this.#code - this.#range) | 0;
      result = (result << 1) | bit;
      if (this.#range >>> 0 < 0x100_0000) this.#widen();
    }
    return result >>> 0;
  }

  /** A tree of bits, the highest first; its probabilities start at `base`. Gives the bits behind a leading one. */
  tree(probabilities: Uint16Array, base: number, bits: number): number {
    // The same as `bit`, with the state in local variables: most of all bits are decoded here.
    const input = this.#input;
    const end = 1 << bits;
    let range = this.#range;
    let code = this.#code;
    let symbol = 1;
    while (symbol < end) {
      const index = base + symbol;
      const probability = probabilities[index] ?? 0;
      const bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        probabilities[index] = probability + ((2048 - probability) >>> 5);
        range = bound;
        symbol <<= 1;
      } else {
        probabilities[index] = probability - (probability >>> 5);
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        symbol = (symbol << 1) | 1;
      }
      if (range >>> 0 < 0x100_0000) {
        range <<= 8;
        code = (code << 8) | (input[this.#position++] ?? 0);
      }
    }
    this.#range = range;
    this.#code = code;
    return symbol - end;
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
    this.#code = (this.#code << 8) | (this.#input[this.#position++] ?? 0);
  }
}
