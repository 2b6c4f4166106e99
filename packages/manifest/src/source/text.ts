import type { Finding, Problem } from '../problem.ts';

/** Characters of a line that are kept: fits a terminal of 100 columns with the line number. */
const WINDOW = 88;
/** More problems than anybody reads; a hostile file can have one in each of a million bytes. */
export const MOST_PROBLEMS = 100;

/** Messages and advice quote the file, which can be hostile. */
const MOST_CHARACTERS = 500;

/** A place in a text; see {@link Problem} for the fields. */
type Place = Pick<Problem, 'line' | 'column' | 'sourceLine' | 'caret'>;

/** A text with its file name, that turns offsets into lines and columns. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.#lineStarts = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  /** Line and column of an offset in UTF-16 units, and the line around it. */
  place(offset: number): Place {
    const line = this.#lineAt(offset);
    const start = this.#lineStarts[line] ?? 0;
    const next = this.#lineStarts[line + 1];
    const text = this.text.slice(start, next === undefined ? undefined : next - 1).replace(/\r$/, '');
    const units = Math.min(Math.max(offset - start, 0), text.length);
    return { line: line + 1, column: codePoints(text, units) + 1, ...excerpt(text, units) };
  }

  /** Findings as problems, in the order of the text; the first hundred. */
  problems(findings: readonly Finding[]): Problem[] {
    const ordered = [...findings].sort((a, b) => a.offset - b.offset).slice(0, MOST_PROBLEMS);
    return ordered.map(({ offset, path, message, advice }) => {
      const place = this.place(offset);
      return {
        file: this.file,
        ...place,
        path,
        message: cut(message),
        ...(advice !== undefined && { advice: cut(advice) }),
      };
    });
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function cut(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

function codePoints(text: string, units: number): number {
  let count = 0;
  for (let at = 0; at < units; count += 1) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** The part of a line around a place in it, and the characters of that part that stand before the place. */
function excerpt(line: string, units: number): { sourceLine: string; caret: number } {
  // A line can be a megabyte: only as much of it is split into characters as can be shown.
  const before = [...line.slice(Math.max(0, units - 2 * WINDOW), units)];
  const after = [...line.slice(units, units + 2 * WINDOW)];
  const shownBefore = Math.min(before.length, Math.max(WINDOW / 2, WINDOW - after.length));
  const shownAfter = WINDOW - shownBefore;
  const left = shownBefore < before.length || units > 2 * WINDOW ? '…' : '';
  const right = shownAfter < after.length ? '…' : '';
  const head = before.slice(before.length - shownBefore).join('');
  const tail = after.slice(0, shownAfter).join('');
  return { sourceLine: left + head + tail + right, caret: left.length + shownBefore };
}
