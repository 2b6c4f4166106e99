import { toHex } from '../../bytes/hex.ts';
import { fromUtf8 } from '../../bytes/text.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { decodeOpaque, readableText } from './text.ts';

/** Kinds of Google's Container-Optimized OS (go-tpm-tools cel/cos_tlv.go). */
const cosKinds: readonly string[] = [
  'image reference',
  'image digest',
  'restart policy',
  'image ID',
  'argument',
  'environment variable',
  'overridden argument',
  'overridden environment variable',
  'launch separator',
  'memory monitoring',
];

/** Events of canonical logs that are none of a PC client's, by content type. */
const contents: Readonly<Record<string, (data: Uint8Array) => DecodedData>> = {
  systemd: (data) =>
    decoded(`systemd: "${fromUtf8(data) ?? ''}"`, `systemd ${fromUtf8(data)?.split(':')[0] ?? ''}`),
  cos: (data) => {
    const name = cosKinds[data[0] ?? 255] ?? 'event';
    return decoded(`container's ${name} "${readableText(data.subarray(5)) ?? ''}"`, `container ${name}`);
  },
  dstack: (data) => {
    // Type and colon come first.
    const text = data.subarray(5);
    const colon = text.indexOf(0x3a);
    const name = fromUtf8(text.subarray(0, Math.max(0, colon))) ?? '';
    const payload = text.subarray(colon + 1);
    const shown = payload.length === 0 ? '' : `: ${readableText(payload) ?? toHex(payload.subarray(0, 64))}`;
    return decoded(`dstack's ${name}${shown}`, `dstack ${name}`);
  },
};

/** What such an event says. */
export function decodeCanonical(contentType: string, data: Uint8Array): DecodedData {
  const decode = Object.hasOwn(contents, contentType) ? contents[contentType] : undefined;
  return decode ? decode(data) : decodeOpaque(`${contentType} event`)(data);
}
