import { utf8 } from '../bytes/utf8.ts';

/**
 * JSON with sorted keys, two spaces and a final line feed: the same value gives the same bytes. Keys that are whole
 * numbers come first, by size, as everywhere in JavaScript.
 */
export function encodeJson(value: unknown): Uint8Array {
  return utf8(`${JSON.stringify(sorted(value), null, 2)}\n`);
}

/** Text of unknown origin for a comment: on one line, whatever it held. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

/** Text of unknown origin as comment lines that begin with `mark`; Trustee's Rego engine refuses lines of 1024 columns. */
export function comment(mark: string, text: string): string {
  const lines: string[] = [];
  let line = mark;
  for (const word of oneLine(text).split(' ')) {
    // A word that is longer than a line is cut: comments are for people.
    const part = word.slice(0, COMMENT_COLUMNS);
    if (line !== mark && line.length + 1 + part.length > COMMENT_COLUMNS) {
      lines.push(line);
      line = mark;
    }
    line += ` ${part}`;
  }
  return [...lines, line, ''].join('\n');
}

const COMMENT_COLUMNS = 110;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
