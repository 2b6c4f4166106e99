import { malformed } from './backward-bits.ts';

/** A decoding table of finite state entropy (RFC 8878, 4.1): by state its symbol, bits to read, and what to add. */
export interface FseTable {
  readonly accuracyLog: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** A table description, and where it ends. */
export interface ReadFseTable {
  readonly table: FseTable;
  readonly end: number;
}

/** Reads the distribution of a table (RFC 8878, 4.1.1) that starts at byte `start` and ends before `limit`. */
export function readFseTable(
  view: DataView,
  start: number,
  limit: number,
  maxAccuracyLog: number,
  maxSymbol: number,
): ReadFseTable {
  let position = 8 * start;
  const read = (count: number): number => {
    const value = (view.getInt32(position >>> 3, true) >>> (position & 7)) & ((1 << count) - 1);
    position += count;
    if (position > 8 * limit) throw malformed('an FSE table that is cut short');
    return value;
  };
  const accuracyLog = read(4) + 5;
  if (accuracyLog > maxAccuracyLog) throw malformed(`an FSE table of accuracy ${accuracyLog}`);
  const probabilities: number[] = [];
  let remaining = 1 << accuracyLog;
  while (remaining > 0) {
    if (probabilities.length > maxSymbol) throw malformed('an FSE table with too many symbols');
    const bits = 32 - Math.clz32(remaining + 1);
    const threshold = (1 << bits) - 1 - (remaining + 1);
    // Small values take one bit less.
    let value = read(bits - 1);
    if (value >= threshold) {
      if (read(1) === 1) {
        value += 1 << (bits - 1);
        if (value >= 1 << (bits - 1)) value -= threshold;
      }
    }
    const probability = value - 1;
    probabilities.push(probability);
    remaining -= Math.abs(probability);
    if (probability === 0) {
      for (let more = 3; more === 3; ) {
        more = read(2);
        for (let i = 0; i < more; i++) probabilities.push(0);
        if (probabilities.length > maxSymbol + 1) throw malformed('an FSE table with too many symbols');
      }
    }
  }
  if (remaining < 0 || probabilities.length > maxSymbol + 1)
    throw malformed('an FSE table that adds up to too much');
  return { table: buildFseTable(probabilities, accuracyLog), end: (position + 7) >>> 3 };
}

/** The decoding table of a distribution; -1 stands for "less than one" (RFC 8878, 4.1.1). */
export function buildFseTable(probabilities: readonly number[], accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let high = size;
  probabilities.forEach((probability, symbol) => {
    if (probability === -1) symbols[--high] = symbol;
    next[symbol] = probability === -1 ? 1 : probability;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  probabilities.forEach((probability, symbol) => {
    for (let i = 0; i < probability; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] ?? 0;
    const value = next[symbol] ?? 0;
    next[symbol] = value + 1;
    const count = accuracyLog - (31 - Math.clz32(value));
    bits[state] = count;
    base[state] = (value << count) - size;
  }
  return { accuracyLog, symbols, bits, base };
}

/** A table of one symbol that takes no bits (RFC 8878, 3.1.1.3.2.1, RLE_Mode). */
export function constantTable(symbol: number): FseTable {
  return {
    accuracyLog: 0,
    symbols: Uint8Array.of(symbol),
    bits: new Uint8Array(1),
    base: new Uint16Array(1),
  };
}
