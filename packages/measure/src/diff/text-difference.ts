/** One line of a text that the other has not, or has elsewhere. */
export interface LineChange {
  readonly side: 'a' | 'b';
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** How two texts differ, line by line. */
export interface TextDifference {
  /** The first of them, in order. */
  readonly changes: readonly LineChange[];
  /** How many there are in all. */
  readonly count: number;
  /** False where the texts were too different to find the fewest changes. */
  readonly isExact: boolean;
}

const MAX_CHANGES = 40;
const MAX_LINE = 400;
/** Cells of the table that finds the fewest changes. */
const MAX_CELLS = 4_000_000;

/** The lines in which two texts differ. */
export function findTextDifference(a: string, b: string): TextDifference {
  const [left, right] = [a.split('\n'), b.split('\n')];
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let tail = 0;
  while (
    tail < left.length - start &&
    tail < right.length - start &&
    left[left.length - 1 - tail] === right[right.length - 1 - tail]
  )
    tail++;
  const one = left.slice(start, left.length - tail);
  const other = right.slice(start, right.length - tail);
  const isExact = one.length * other.length <= MAX_CELLS;
  const changes = isExact ? fewestChanges(one, other) : allChanged(one, other);
  return {
    changes: changes
      .slice(0, MAX_CHANGES)
      .map(({ side, line, text }) => ({ side, line: line + start + 1, text: text.slice(0, MAX_LINE) })),
    count: changes.length,
    isExact,
  };
}

function allChanged(a: readonly string[], b: readonly string[]): LineChange[] {
  return [
    ...a.map((text, line): LineChange => ({ side: 'a', line, text })),
    ...b.map((text, line): LineChange => ({ side: 'b', line, text })),
  ];
}

/** By the longest common subsequence: `lengths[i][j]` is that of the lines from i and from j on. */
function fewestChanges(a: readonly string[], b: readonly string[]): LineChange[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      lengths[at] =
        a[i] === b[j]
          ? (lengths[at + width + 1] ?? 0) + 1
          : Math.max(lengths[at + width] ?? 0, lengths[at + 1] ?? 0);
    }
  }
  const changes: LineChange[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    } else if (
      j >= b.length ||
      (i < a.length && (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))
    ) {
      changes.push({ side: 'a', line: i, text: a[i++] ?? '' });
    } else changes.push({ side: 'b', line: j, text: b[j++] ?? '' });
  }
  return changes;
}
