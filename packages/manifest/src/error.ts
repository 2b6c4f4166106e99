import { formatProblem } from './format.ts';
import type { Problem } from './problem.ts';

/** More problems than anybody mends before trying again. */
const SHOWN = 50;

abstract class DocumentError extends Error {
  /** Every problem that was found, in the order of the file. */
  readonly problems: readonly Problem[];

  constructor(what: string, problems: readonly Problem[]) {
    const [first] = problems;
    const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    super(first ? `${what} "${first.file}" is invalid: ${first.message}${rest}` : `${what} is invalid`);
    this.problems = problems;
  }

  /**
   * Text for a terminal: for each problem `file:line:column: message`, the line, a caret below the place, and
   * what to write instead. Control characters of the file are escaped; long lines are cut around the caret.
   */
  format(): string {
    const shown = this.problems.slice(0, SHOWN).map(formatProblem);
    const hidden = this.problems.length - shown.length;
    return [...shown, ...(hidden > 0 ? [`… and ${hidden} more problems`] : [])].join('\n\n');
  }

  toJSON(): { readonly name: string; readonly message: string; readonly problems: readonly Problem[] } {
    return { name: this.name, message: this.message, problems: this.problems };
  }
}

/** The manifest is invalid. The reader mends each of `problems`; `format()` shows them with their lines. */
export class ManifestError extends DocumentError {
  constructor(problems: readonly Problem[]) {
    super('The manifest', problems);
    this.name = 'ManifestError';
  }
}

/** The lock is invalid: altee alone writes it, so it was edited by hand or damaged. `altee lock` writes it anew. */
export class LockError extends DocumentError {
  constructor(problems: readonly Problem[]) {
    super('The lock', problems);
    this.name = 'LockError';
  }
}
