import type { TreeDifference } from './tree-difference.ts';

/** When something ran, in milliseconds since 1970. */
export interface Span {
  readonly started: number;
  readonly finished: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Whether each side of a difference holds a time of its own rebuild: seconds, milliseconds or nanoseconds since 1970 in
 * digits, in octal, or in 4 or 8 bytes of either order, or a date or time of day in the usual spellings.
 */
export function looksLikeTime(
  { around }: Pick<TreeDifference, 'around'>,
  spans: readonly [Span, Span],
): boolean {
  return around.every((bytes, index) => {
    const span = spans[index];
    return span !== undefined && (hasNumber(bytes, span) || hasText(bytes, span));
  });
}

/** Clocks are read in whole seconds, before and after. */
const SLACK_S = 2;

function isWithin(seconds: number, { started, finished }: Span): boolean {
  return seconds >= started / 1000 - SLACK_S && seconds <= finished / 1000 + SLACK_S;
}

function hasNumber(bytes: Uint8Array, span: Span): boolean {
  const view = Buffer.from(bytes);
  for (let at = 0; at + 4 <= view.length; at++) {
    if (isWithin(view.readUInt32LE(at), span) || isWithin(view.readUInt32BE(at), span)) return true;
  }
  // tar and cpio archives write times in octal (POSIX.1-2024, pax, "ustar Interchange Format").
  const octals = view.toString('latin1').match(/[0-7]{11}/g) ?? [];
  if (octals.some((text) => isWithin(Number.parseInt(text, 8), span))) return true;
  const digits = view.toString('latin1').match(/\d{10,19}/g) ?? [];
  return digits.some((run) => {
    // 10 digits are seconds until 2286; more are fractions, or digits of what stands beside them.
    for (let at = 0; at + 10 <= run.length; at++)
      if (isWithin(Number(run.slice(at, at + 10)), span)) return true;
    return false;
  });
}

function hasText(bytes: Uint8Array, span: Span): boolean {
  const text = Buffer.from(bytes).toString('latin1');
  const minutes: string[] = [];
  const last = Math.min(span.finished + SLACK_S * 1000, span.started + 24 * 3_600_000);
  for (let time = span.started - SLACK_S * 1000; time <= last; time += 1000)
    minutes.push(clock(new Date(time)));
  if (minutes.some((one) => text.includes(one))) return true;
  // A date alone changes by itself at midnight only: both days are looked for.
  return [span.started, span.finished].some((time) =>
    dates(new Date(time)).some((one) => text.includes(one)),
  );
}

function clock(date: Date): string {
  return date.toISOString().slice(11, 19);
}

function dates(date: Date): string[] {
  const [year = '', month = '', day = ''] = date.toISOString().slice(0, 10).split('-');
  const name = MONTHS[date.getUTCMonth()] ?? '';
  return [
    `${year}-${month}-${day}`,
    `${year}${month}${day}`,
    `${name} ${day} ${year}`,
    `${name} ${String(Number(day)).padStart(2, ' ')} ${year}`,
    `${day} ${name} ${year}`,
  ];
}
