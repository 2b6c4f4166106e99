import { toHex } from '../../bytes/hex.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { readableText } from './text.ts';

/** EV_SEPARATOR: zeros or ones when all went well, 1 when measuring failed (PC Client Platform Firmware Profile 1.06, 3.3.4.2 and table 27). */
export function decodeSeparator(data: Uint8Array): DecodedData {
  const hex = toHex(data.subarray(0, 16));
  if (hex === '00000000' || hex === 'ffffffff') return decoded('separator', 'separator');
  if (hex.startsWith('01000000')) return decoded('separator that tells of an error', 'separator');
  const text = readableText(data);
  return decoded(`separator with data of its own: ${text === undefined ? hex : `"${text}"`}`, 'separator');
}
