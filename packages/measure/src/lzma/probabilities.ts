import type { LzmaHeader } from './properties.ts';
import { HALF } from './range-decoder.ts';

/** What is known of the bits of a match's length: which of three trees it is in, and those trees. */
export interface LengthProbabilities {
  readonly choice: Uint16Array;
  /** Of 3 bits, for each of 16 positions. */
  readonly low: Uint16Array;
  readonly middle: Uint16Array;
  /** Of 8 bits. */
  readonly high: Uint16Array;
}

/** What is known of every kind of bit (LZMA SDK, lzma-specification.txt, "LZMA decoding"), by state and position. */
export interface Probabilities {
  /** By state and position: a match, or a literal. */
  readonly isMatch: Uint16Array;
  /** By state: one of the last four distances again, and which. */
  readonly isRep: Uint16Array;
  readonly isRepG0: Uint16Array;
  readonly isRepG1: Uint16Array;
  readonly isRepG2: Uint16Array;
  /** By state and position: more than one byte of the last distance. */
  readonly isRep0Long: Uint16Array;
  readonly matchLength: LengthProbabilities;
  readonly repLength: LengthProbabilities;
  /** Trees of 6 bits, by length: the highest bits of a distance, and how many more follow. */
  readonly distanceSlot: Uint16Array;
  /** Trees for the lower bits of distances up to 128. */
  readonly distanceSpecial: Uint16Array;
  /** A tree for the lowest 4 bits of greater distances. */
  readonly distanceAlign: Uint16Array;
  /** By context: a tree of 8 bits, and two more for each value that the bit of a match would have had. */
  readonly literal: Uint16Array;
}

/** States, and positions in a state (`kNumStates`, `kNumPosBitsMax`). */
const STATES = 12;
const POSITIONS = 16;

/** Probabilities of which nothing is known yet. */
export function newProbabilities({ literalContextBits, literalPositionBits }: LzmaHeader): Probabilities {
  return {
    isMatch: halves(STATES * POSITIONS),
    isRep: halves(STATES),
    isRepG0: halves(STATES),
    isRepG1: halves(STATES),
    isRepG2: halves(STATES),
    isRep0Long: halves(STATES * POSITIONS),
    matchLength: newLengths(),
    repLength: newLengths(),
    distanceSlot: halves(4 * 64),
    distanceSpecial: halves(128),
    distanceAlign: halves(16),
    literal: halves(0x300 << (literalContextBits + literalPositionBits)),
  };
}

function newLengths(): LengthProbabilities {
  return {
    choice: halves(2),
    low: halves(POSITIONS * 8),
    middle: halves(POSITIONS * 8),
    high: halves(256),
  };
}

function halves(count: number): Uint16Array {
  return new Uint16Array(count).fill(HALF);
}
