import { hexNumber, toHex } from '../../bytes/hex.ts';
import { Reader } from '../../bytes/reader.ts';
import { fromUtf8, fromUtf16, showAscii } from '../../bytes/text.ts';
import { bytesText, type DecodedData, decoded } from './decoded.ts';

/** TCG_PCClientTaggedEvent. */
export interface TaggedEvent {
  readonly tag: number;
  readonly data: Uint8Array;
}

/** Tags by who writes them: Linux efistub.h; systemd src/boot/measure.h, also src/shared/tpm2-util.h. */
const tags: ReadonlyMap<number, { readonly name: string; readonly text: 'ascii' | 'utf16' | 'utf8' }> =
  new Map([
    [0x8f3b22ed, { name: 'command line (Linux LoadOptions)', text: 'ascii' }],
    [0x8f3b22ec, { name: 'initrd (Linux)', text: 'ascii' }],
    [0xf5bc582a, { name: 'loader.conf (systemd-boot)', text: 'utf16' }],
    [0x6c46f751, { name: 'devicetree addon (systemd-stub)', text: 'utf16' }],
    [0x49dffe0f, { name: 'initrd addon (systemd-stub)', text: 'utf16' }],
    [0xdac08e1a, { name: 'microcode addon (systemd-stub)', text: 'utf16' }],
    [0x13aed6db, { name: 'profile of the unified kernel image (systemd-stub)', text: 'utf16' }],
    [0xd5cb7cbc, { name: 'SMBIOS type 1 (systemd-stub)', text: 'utf16' }],
    [0xe0d47bc8, { name: 'SMBIOS type 2 (systemd-stub)', text: 'utf16' }],
    [0xc0b3bd23, { name: 'SMBIOS type 11 (systemd-stub)', text: 'utf16' }],
  ]);

/** TCG_PCClientTaggedEvent (PC Client Platform Firmware Profile 1.06, 10.4.2.1). Throws `truncated`. */
export function parseTaggedEvent(bytes: Uint8Array): TaggedEvent {
  const reader = new Reader(bytes, 'TCG_PCClientTaggedEvent');
  const tag = reader.u32('taggedEventID');
  return { tag, data: reader.bytes(reader.u32('taggedEventDataSize'), 'taggedEventData') };
}

/** EV_EVENT_TAG. */
export function decodeTagged(bytes: Uint8Array): DecodedData {
  const { tag, data } = parseTaggedEvent(bytes);
  const known = tags.get(tag);
  if (known) return decoded(`${known.name}: "${textOf(data, known.text)}"`, `tag ${known.name}`);
  // Windows writes trees of these (WBCL); their tags start at 0x10000 and 0x40010000.
  const who = (tag & 0xf000_0000) >>> 0 === 0x4000_0000 ? 'Windows boot log entry' : 'tagged event';
  const name = hexNumber(tag);
  const hex = toHex(data.subarray(0, 24));
  return decoded(`${who} ${name}: ${bytesText(data.length)} ${hex}`, `tag ${name}`);
}

function textOf(data: Uint8Array, text: 'ascii' | 'utf16' | 'utf8'): string {
  if (text === 'utf16') return fromUtf16(data);
  return (text === 'utf8' ? fromUtf8(data) : undefined) ?? showAscii(data);
}
