import type { Finding } from '../problem.ts';

/** Findings of one kind that are worth reporting one by one. */
const MOST = 5;

/**
 * Characters that no manifest holds: those that YAML excludes (YAML 1.2.2 §5.1, `c-printable`), and the marks by
 * which a text reads in another order than it is parsed (Unicode Standard Annex 9, explicit directional formatting).
 */
const refused: readonly { pattern: RegExp; message: (name: string) => string; advice: string }[] = [
  {
    pattern: /(?![\t\n\r\u0085])[\p{Cc}\p{Cs}\ufffe\uffff]/gu,
    message: (name) => `The control character ${name} is not allowed in YAML`,
    advice: 'Delete it, or write it as an escape in a double-quoted text',
  },
  {
    pattern: /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    message: (name) => `The character ${name} makes the text read in another order than it is parsed`,
    advice: 'Delete it: an auditor must see what is built',
  },
  {
    pattern: /(?<!^)\ufeff/gu,
    message: (name) => `A byte order mark ${name} stands inside the file`,
    advice: 'Delete it: it is invisible, and only the start of a file may hold one',
  },
  {
    pattern: /\r(?!\n)/gu,
    message: (name) => `A carriage return ${name} stands without a line feed`,
    advice: 'End lines with a line feed',
  },
];

/** Every refused character of the text, as far as they are worth listing. */
export function findRefusedCharacters(text: string): Finding[] {
  return refused.flatMap(({ pattern, message, advice }) => {
    const findings: Finding[] = [];
    for (const match of text.matchAll(pattern)) {
      if (findings.length === MOST) break;
      const code = (match[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      findings.push({ offset: match.index, path: [], message: message(`U+${code}`), advice });
    }
    return findings;
  });
}
