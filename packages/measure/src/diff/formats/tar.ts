import { isZero } from '../../bytes/compare.ts';
import { Reader } from '../../bytes/reader.ts';
import { fromUtf8, showAscii } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';
import { type Format, type Part, timeText } from '../parts.ts';

const BLOCK = 512;
const MAX_ENTRIES = 500_000;

/** A tar archive (POSIX.1-2017 pax, "ustar Interchange Format"): entries by path. */
export const tarFormat: Format = {
  name: 'tar archive',
  recognises: (bytes) => bytes.length >= BLOCK && showAscii(bytes.subarray(257, 262)) === 'ustar',
  split: (bytes) => {
    const reader = new Reader(bytes, 'tar header');
    const parts: Part[] = [];
    while (reader.remaining >= BLOCK) {
      const start = reader.offset;
      const header = reader.bytes(BLOCK, 'header');
      if (isZero(header)) break;
      const size = octal(reader, header, 124, 12);
      const offset = reader.offset;
      const content = reader.bytes(size, 'content');
      reader.skip(Math.min(-size & (BLOCK - 1), reader.remaining), 'padding');
      parts.push(entryPart(reader, header, content, start, offset));
      if (parts.length > MAX_ENTRIES)
        throw new MeasureError('unsupported', `tar archive: more than ${MAX_ENTRIES} entries`);
    }
    return { format: 'tar archive', parts, rest: 'padding' };
  },
};

function entryPart(
  reader: Reader,
  header: Uint8Array,
  bytes: Uint8Array,
  start: number,
  offset: number,
): Part {
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  const mtime = octal(reader, header, 136, 12);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    fields: [
      { name: 'type', value: text(header, 156, 1) || '0' },
      { name: 'mode', value: text(header, 100, 8) },
      { name: 'owner', value: `${text(header, 108, 8)}:${text(header, 116, 8)}` },
      { name: 'owner names', value: `${text(header, 265, 32)}:${text(header, 297, 32)}` },
      { name: 'mtime', value: mtime === 0 ? '0' : `${mtime} (${timeText(mtime)})` },
      { name: 'link', value: text(header, 157, 100) },
      { name: 'device', value: `${text(header, 329, 8)}:${text(header, 337, 8)}` },
      { name: 'magic', value: text(header, 257, 8) },
    ],
    told: [[start, BLOCK]],
    stamps: mtime === 0 ? [] : [{ name: 'mtime', seconds: mtime, offset: start + 136 }],
    bytes,
    offset,
  };
}

function text(header: Uint8Array, at: number, size: number): string {
  const bytes = header.subarray(at, at + size);
  const end = bytes.indexOf(0);
  const used = end < 0 ? bytes : bytes.subarray(0, end);
  return (fromUtf8(used) ?? showAscii(used)).trim();
}

function octal(reader: Reader, header: Uint8Array, at: number, size: number): number {
  const digits = text(header, at, size);
  if (!/^[0-7]*$/.test(digits)) throw reader.error('unsupported', 'number', `"${digits}" is not octal`);
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}
