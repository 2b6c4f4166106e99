import { toHex } from '../../bytes/hex.ts';
import { fromUtf8, fromUtf16 } from '../../bytes/text.ts';
import { bytesText, type DecodedData, decoded, maxDecodedBytes } from './decoded.ts';

/** The data as text, where it is some and not too long: UTF-8 or UTF-16 without controls, up to its terminator. */
export function readableText(data: Uint8Array): string | undefined {
  if (data.length === 0 || data.length > maxDecodedBytes) return undefined;
  const end = data.indexOf(0);
  const wide = data.length % 2 === 0 && end === 1;
  const text = wide ? fromUtf16(data) : fromUtf8(end < 0 ? data : data.subarray(0, end));
  if (!text || /[\p{Cc}\ufffd]/u.test(text.replace(/[\t\r\n]/g, ''))) return undefined;
  // What stands behind the terminator would be hidden.
  const used = wide ? 2 * text.length : end < 0 ? data.length : end;
  return data.subarray(used).every((byte) => byte === 0) ? text : undefined;
}

/** Data without a form of its own: as text where it is some, else its first bytes. */
export function decodeOpaque(what: string): (data: Uint8Array) => DecodedData {
  return (data) => {
    const text = readableText(data);
    if (text !== undefined) return decoded(`${what} "${text}"`, `${what} ${text}`);
    const hex = toHex(data.subarray(0, 24));
    const more = data.length > 24 ? '…' : '';
    return decoded(
      data.length === 0 ? `${what} without data` : `${what} of ${bytesText(data.length)} ${hex}${more}`,
    );
  };
}

/** EV_ACTION, EV_EFI_ACTION and EV_OMIT_BOOT_DEVICE_EVENTS: a string (PC Client Platform Firmware Profile 1.06, 10.4.4). */
export function decodeAction(data: Uint8Array): DecodedData {
  const text = readableText(data);
  return text === undefined ? decodeOpaque('action')(data) : decoded(`"${text}"`, `action ${text}`);
}

/** EV_S_CRTM_VERSION: a string in UTF-16, or a GUID (10.4.1, table 27). */
export function decodeCrtmVersion(data: Uint8Array): DecodedData {
  const text = fromUtf16(data);
  const shown = readableText(data) ?? (/^[\x20-\x7e]*$/.test(text) ? text : toHex(data.subarray(0, 64)));
  return decoded(`firmware version "${shown}"`, 'firmware version');
}
