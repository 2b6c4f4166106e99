/** One thing that is wrong with a manifest or lock. All of it is text and numbers: it can stand in JSON as it is. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters (Unicode code points). */
  readonly column: number;
  /** Where in the document, such as `["platforms", "lab", "memory"]`; empty for the document itself. */
  readonly path: readonly (string | number)[];
  /** What is wrong: capital first, no final period. */
  readonly message: string;
  /** What to write instead, where that is known. */
  readonly advice?: string;
  /** The line, or of a long one the part around the column, with `…` where it was cut: untrusted, not escaped. */
  readonly sourceLine: string;
  /** Characters of `sourceLine` before the place. */
  readonly caret: number;
}

/** A problem before its line and column are known; `offset` counts UTF-16 units from the start of the text. */
export interface Finding {
  readonly offset: number;
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly advice?: string | undefined;
}

/** `["platforms", "lab", 0]` → `platforms.lab[0]`. */
export function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const shown = /^[A-Za-z_][\w-]*$/.test(part) ? part : JSON.stringify(part);
    return text === '' ? shown : `${text}.${shown}`;
  }, '');
}
