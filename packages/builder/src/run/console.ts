import { stripVTControlCharacters } from 'node:util';
import { printable } from '../executor/printable.ts';

/**
 * A line of the guest's console made fit for a terminal: the escape sequences that firmware clears the screen
 * with are dropped, every other control character is written out.
 */
export function consoleLine(line: string): string {
  return printable(stripVTControlCharacters(line).replaceAll('\r', ''));
}

/** What the guest's PID 1 said of the app's end. The guest says it; nothing proves it. */
export interface AppExit {
  readonly status: number | undefined;
  /** The line without its prefix: `app exited with status 0`. */
  readonly text: string;
}

const APP_EXIT = /altee: (app (?:exited with status (\d{1,3})|was killed by .{1,80}|could not .{1,500}))$/;

/** The last such line of a console, if there is one. */
export function appExit(console: readonly string[]): AppExit | undefined {
  const match = console.map((line) => APP_EXIT.exec(line)).findLast((found) => found !== null);
  if (match === null || match === undefined) return undefined;
  return { status: match[2] === undefined ? undefined : Number(match[2]), text: match[1] ?? '' };
}
