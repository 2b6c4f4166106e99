import { bitsAt, lastBit, malformed } from './backward-bits.ts';
import { buildFseTable, constantTable, type FseTable, readFseTable } from './fse.ts';

/** What one kind of code means (RFC 8878, 3.1.1.3.2.1.1). */
interface CodeRules {
  readonly maxAccuracyLog: number;
  readonly maxCode: number;
  /** RFC 8878, 3.1.1.3.2.2. */
  readonly predefined: FseTable;
}

const literalLengthCode = {
  bits: [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16,
  ],
  first: 0,
};
const matchLengthCode = {
  bits: [
    ...Array.from({ length: 32 }, () => 0),
    ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  ],
  first: 3,
};

/** Baselines follow from the numbers of bits, as every code starts where the one before it ends. */
function baselines({
  bits,
  first,
}: {
  readonly bits: readonly number[];
  readonly first: number;
}): Int32Array {
  const result = new Int32Array(bits.length);
  let value = first;
  for (const [code, count] of bits.entries()) {
    result[code] = value;
    value += 2 ** count;
  }
  return result;
}

const literalLengthBits = Uint8Array.from(literalLengthCode.bits);
const literalLengthBase = baselines(literalLengthCode);
const matchLengthBits = Uint8Array.from(matchLengthCode.bits);
const matchLengthBase = baselines(matchLengthCode);

const literalLengths: CodeRules = {
  maxAccuracyLog: 9,
  maxCode: 35,
  predefined: buildFseTable(
    [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
      -1, -1,
    ],
    6,
  ),
};
const offsets: CodeRules = {
  maxAccuracyLog: 8,
  maxCode: 31,
  predefined: buildFseTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
  ),
};
const matchLengths: CodeRules = {
  maxAccuracyLog: 9,
  maxCode: 52,
  predefined: buildFseTable(
    [
      ...[
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1,
      ],
      ...[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1],
    ],
    6,
  ),
};

/** Tables that a later block may repeat. */
export interface SequenceTables {
  readonly literalLengths?: FseTable;
  readonly offsets?: FseTable;
  readonly matchLengths?: FseTable;
}

/** The header of a block's sequences section (RFC 8878, 3.1.1.3.2.1). */
export interface SequencesHeader {
  readonly count: number;
  readonly tables: SequenceTables;
  /** Where the bits start. */
  readonly end: number;
}

/** Reads the number of sequences and the three tables. */
export function readSequencesHeader(
  view: DataView,
  start: number,
  limit: number,
  earlier: SequenceTables,
): SequencesHeader {
  if (start >= limit) throw malformed('no sequences section');
  const first = view.getUint8(start);
  if (first === 0) return { count: 0, tables: earlier, end: start + 1 };
  const [count, headerBytes] =
    first < 128
      ? [first, 1]
      : first < 255
        ? [((first - 128) << 8) + view.getUint8(start + 1), 2]
        : [view.getUint16(start + 1, true) + 0x7f00, 3];
  let at = start + headerBytes + 1;
  if (at > limit) throw malformed('a sequences section that is cut short');
  const modes = view.getUint8(at - 1);
  if ((modes & 3) !== 0) throw malformed('reserved bits of the compression modes are set');
  const read = (rules: CodeRules, mode: number, before: FseTable | undefined): FseTable => {
    if (mode === 0) return rules.predefined;
    if (mode === 1) {
      const code = at < limit ? view.getUint8(at++) : 256;
      if (code > rules.maxCode) throw malformed(`a code of ${code}`);
      return constantTable(code);
    }
    if (mode === 2) {
      const { table, end } = readFseTable(view, at, limit, rules.maxAccuracyLog, rules.maxCode);
      at = end;
      return table;
    }
    if (!before) throw malformed('a table that repeats none');
    return before;
  };
  const tables = {
    literalLengths: read(literalLengths, modes >> 6, earlier.literalLengths),
    offsets: read(offsets, (modes >> 4) & 3, earlier.offsets),
    matchLengths: read(matchLengths, (modes >> 2) & 3, earlier.matchLengths),
  };
  return { count, tables, end: at };
}

/** Decodes the sequences into `output`, three numbers each: literals, match, offset value (RFC 8878, 3.1.1.3.2.1.2). */
export function decodeSequences(
  { count, tables }: SequencesHeader,
  view: DataView,
  start: number,
  limit: number,
  output: Int32Array,
): void {
  const { literalLengths: ll, offsets: of, matchLengths: ml } = tables;
  if (!ll || !of || !ml) throw malformed('sequences without tables');
  const floor = 8 * start;
  let position = lastBit(view, start, limit);
  position -= ll.accuracyLog;
  let llState = bitsAt(view, position, ll.accuracyLog);
  position -= of.accuracyLog;
  let ofState = bitsAt(view, position, of.accuracyLog);
  position -= ml.accuracyLog;
  let mlState = bitsAt(view, position, ml.accuracyLog);
  for (let index = 0; index < count; index++) {
    if (position < floor) throw malformed('sequences that are cut short');
    const ofCode = of.symbols[ofState] ?? 0;
    let offset = 1;
    let left = ofCode;
    if (left > 16) {
      position -= left - 16;
      offset = (offset << (left - 16)) | bitsAt(view, position, left - 16);
      left = 16;
    }
    position -= left;
    offset = ((offset << left) | bitsAt(view, position, left)) >>> 0;
    const mlCode = ml.symbols[mlState] ?? 0;
    const mlBits = matchLengthBits[mlCode] ?? 0;
    position -= mlBits;
    const match = (matchLengthBase[mlCode] ?? 0) + bitsAt(view, position, mlBits);
    const llCode = ll.symbols[llState] ?? 0;
    const llBits = literalLengthBits[llCode] ?? 0;
    position -= llBits;
    const literals = (literalLengthBase[llCode] ?? 0) + bitsAt(view, position, llBits);
    // What is above 2 GiB reaches back further than any output does.
    output[3 * index] = literals;
    output[3 * index + 1] = match;
    output[3 * index + 2] = offset > 0x7fffffff ? 0x7fffffff : offset;
    if (index === count - 1) break;
    const llNext = ll.bits[llState] ?? 0;
    position -= llNext;
    llState = (ll.base[llState] ?? 0) + bitsAt(view, position, llNext);
    const mlNext = ml.bits[mlState] ?? 0;
    position -= mlNext;
    mlState = (ml.base[mlState] ?? 0) + bitsAt(view, position, mlNext);
    const ofNext = of.bits[ofState] ?? 0;
    position -= ofNext;
    ofState = (of.base[ofState] ?? 0) + bitsAt(view, position, ofNext);
  }
  if (position !== floor) throw malformed('sequences that do not end with their bits');
}
