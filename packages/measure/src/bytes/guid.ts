import { MeasureError } from '../error.ts';
import { fromHex, toHex } from './hex.ts';

// Positions of the bytes of an EFI_GUID as the text form shows them: the first three fields are
// little-endian (UEFI 2.11, appendix A).
const textOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** `c12a7328-f81f-11d2-ba4b-00a0c93ec93b` for the 16 bytes of an EFI_GUID. */
export function formatGuid(bytes: Uint8Array): string {
  if (bytes.length !== 16)
    throw new MeasureError('malformed', `EFI_GUID: needs 16 bytes, has ${bytes.length}`);
  const hex = toHex(Uint8Array.from(textOrder, (i) => bytes[i] ?? 0));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The 16 bytes of an EFI_GUID given in text form. Throws `malformed`. */
export function parseGuid(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text)) {
    throw new MeasureError('malformed', `Not a GUID: "${text.slice(0, 80)}"`);
  }
  const shown = fromHex(text.replaceAll('-', ''));
  const bytes = new Uint8Array(16);
  textOrder.forEach((position, i) => {
    bytes[position] = shown[i] ?? 0;
  });
  return bytes;
}
