import { showAscii } from '../bytes/text.ts';

/**
 * Why a shim refuses an image by its generation numbers, or `undefined` (shim SBAT.md): each component that the image
 * names must be at least of the generation that the level asks for.
 */
export function whyRevokedBySbat(sbat: Uint8Array | undefined, level: Uint8Array): string | undefined {
  if (sbat === undefined || sbat.length === 0) return 'it has no section ".sbat"';
  const wanted = new Map(rows(level).map(([component = '', generation]) => [component, Number(generation)]));
  for (const [component = '', generation] of rows(sbat)) {
    const least = wanted.get(component);
    if (least !== undefined && !(Number(generation) >= least))
      return `its component "${component}" is of generation ${generation}, and at least ${least} is asked for`;
  }
  return undefined;
}

/** Comma-separated fields of each line, up to the first NUL. */
function rows(text: Uint8Array): string[][] {
  const lines: string[][] = [];
  const nul = text.indexOf(0);
  const end = nul < 0 ? text.length : nul;
  for (let start = 0; start < end; ) {
    const newline = text.indexOf(0x0a, start);
    const stop = newline < 0 || newline > end ? end : newline;
    if (stop > start) lines.push(showAscii(text.subarray(start, stop)).split(','));
    start = stop + 1;
  }
  return lines;
}
