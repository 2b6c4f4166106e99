import { MeasureError } from '../error.ts';

const digits = '0123456789abcdef';

/** Lower-case hex, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += digits.charAt(byte >> 4) + digits.charAt(byte & 15);
  return text;
}

/** Bytes of a hex string of even length, either case. Throws `malformed`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new MeasureError('malformed', `Not a hex string of whole bytes: "${text.slice(0, 80)}"`);
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** An offset or address as it stands in messages: `0x1f4`. */
export function hexNumber(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
