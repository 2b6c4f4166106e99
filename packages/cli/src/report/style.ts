import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Colours only where a person watches and hasn't asked for none (https://no-color.org). */
export function styler(stream: { isTTY?: boolean }): (format: Format, text: string) => string {
  const colour = stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  return (format, text) => (colour ? styleText(format, text) : text);
}
