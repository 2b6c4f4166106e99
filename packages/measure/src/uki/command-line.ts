import { fromUtf8 } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/**
 * The kernel command line that the stub makes of the bytes of `.cmdline`: text up to the first NUL, control
 * characters turned into spaces, none of them at either end (systemd src/boot/util.c `mangle_stub_cmdline`).
 * Throws `unsupported` for bytes that are not UTF-8, as what the stub makes of them differs by version.
 */
export function stubCommandLine(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = fromUtf8(end < 0 ? bytes : bytes.subarray(0, end));
  if (text === undefined) throw new MeasureError('unsupported', 'Section ".cmdline" is not UTF-8');
  return mangleCommandLine(text);
}

/** The stub's clean-up of a command line, wherever it comes from. */
export function mangleCommandLine(text: string): string {
  // Code units up to U+0020, and U+007F, count as blanks.
  return Array.from(text, (unit) => (unit <= ' ' || unit === '\x7f' ? ' ' : unit))
    .join('')
    .replace(/^ +| +$/g, '');
}
