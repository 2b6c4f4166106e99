const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1234567 → `1.2 MB` (powers of 1000, as package archives count). */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = 0;
  // What would be rounded to "1000.0" is one of the next unit.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** Milliseconds → `0.4 s`, `12 s`, `3 min 05 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Room for what stands before each part of a wrapped line. */
const MARGIN = 2;

/**
 * The line in parts that fit beside a margin of two columns, so that the terminal itself breaks none: a guest's text
 * could otherwise reach the first column and pass for altee's own. Characters beyond ASCII count as two columns wide.
 */
export function wrapLine(line: string, columns: number | undefined): string[] {
  if (columns === undefined || columns <= MARGIN + 1) return [line];
  const parts: string[] = [];
  let part = '';
  let width = 0;
  for (const character of line) {
    const needed = character <= '~' ? 1 : 2;
    if (width + needed > columns - MARGIN) {
      parts.push(part);
      part = '';
      width = 0;
    }
    part += character;
    width += needed;
  }
  return [...parts, part];
}
