import { printable } from '../executor/printable.ts';

const ESC = '\\u001b';
/** ECMA-48 5.4 (control sequences), and the strings of 5.6 that set titles and the like. */
const SEQUENCES = new RegExp(
  `${ESC}\\[[0-?]*[ -/]*[@-~]|${ESC}[\\]PX^_][^${ESC}\\u0007]*(?:\\u0007|${ESC}\\\\)`,
  'g',
);

/**
 * A line of the guest's console made fit for a terminal: the escape sequences that firmware clears the screen
 * with are dropped, every other control character is written out.
 */
export function consoleLine(line: string): string {
  return printable(line.replace(SEQUENCES, '').replaceAll('\r', ''));
}

/** What the guest's PID 1 said of the app's end. The guest says it; nothing proves it. */
export type AppExit =
  | { readonly kind: 'exited'; readonly status: number; readonly text: string }
  | { readonly kind: 'killed'; readonly signal: number; readonly text: string }
  | { readonly kind: 'not-started' | 'stopped'; readonly text: string };

/** The last lines that guest/init writes (outcome.go, end.go), each on a line of its own. */
const EXITS: readonly [pattern: RegExp, read: (text: string, number: number) => AppExit][] = [
  [/^altee: (app exited with status (\d{1,3}))$/, (text, status) => ({ kind: 'exited', status, text })],
  [/^altee: (app killed by signal (\d{1,2})\b.*)$/, (text, signal) => ({ kind: 'killed', signal, text })],
  [/^altee: (cannot start app: .+)$/, (text) => ({ kind: 'not-started', text })],
  [/^altee: (stopped by an error of its own: .+)$/, (text) => ({ kind: 'stopped', text })],
];

/** The last such line of a console, if there is one. An app that prints one itself is not told apart. */
export function appExit(console: readonly string[]): AppExit | undefined {
  for (const line of console.toReversed()) {
    for (const [pattern, read] of EXITS) {
      const match = pattern.exec(line);
      if (match !== null) return read(match[1] ?? '', Number(match[2]));
    }
  }
  return undefined;
}
