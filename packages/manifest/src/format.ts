import type { Problem } from './problem.ts';

/** `file:line:column: message`, the source line, a caret and the advice. */
export function formatProblem(problem: Problem): string {
  const number = String(problem.line);
  const gutter = ' '.repeat(number.length);
  const before = [...problem.sourceLine].slice(0, problem.caret).join('');
  return [
    `${escapeControl(problem.file)}:${problem.line}:${problem.column}: ${escapeControl(problem.message)}`,
    ` ${number} | ${escapeControl(problem.sourceLine)}`.trimEnd(),
    ` ${gutter} | ${' '.repeat(escapeControl(before).length)}^`,
    ...(problem.advice === undefined ? [] : [` ${gutter} = ${escapeControl(problem.advice)}`]),
  ].join('\n');
}

/**
 * Text that a terminal shows and doesn't obey: tabs become spaces; C0 and C1 controls, line and paragraph
 * separators, unpaired surrogates, and the marks that reorder or hide text become `\u{…}`.
 */
function escapeControl(text: string): string {
  return text
    .replaceAll('\t', ' ')
    .replace(/[\p{Cc}\p{Cs}\p{Cf}\u2028\u2029]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}
