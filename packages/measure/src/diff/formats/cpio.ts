import { Reader } from '../../bytes/reader.ts';
import { fromUtf8, showAscii } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';
import { type Format, type Part, type Parts, timeText } from '../parts.ts';

const TRAILER = 'TRAILER!!!';
const HEADER_BYTES = 110;
/** A path of Linux is shorter (PATH_MAX, 4096). */
const MAX_NAME_BYTES = 4096;
/** Twice what a whole distribution's image has. */
const MAX_ENTRIES = 500_000;

/** S_IFMT (inode(7)). */
const types: Readonly<Record<number, string>> = {
  16807: 'file',
  9604: 'folder',
  21609: 'link',
  4802: 'character device',
  14406: 'block device',
  2401: 'FIFO',
  26411: 'socket',
};

/** The 13 numbers of a header (Linux Documentation/driver-api/early-userspace/buffer-format.rst). */
const numbers = [
  'ino',
  'mode',
  'uid',
  'gid',
  'nlink',
  'mtime',
  'filesize',
  'maj',
  'min',
  'rmaj',
  'rmin',
  'namesize',
  'chksum',
] as const;

type Header = Record<(typeof numbers)[number], number>;

/** A cpio archive in the newc or crc format: an initramfs. What follows it (another archive) is a part of its own. */
export const cpioFormat: Format = {
  name: 'cpio archive',
  recognises: (bytes) => ['070701', '070702'].includes(showAscii(bytes.subarray(0, 6))),
  split: (bytes) => splitCpio(bytes),
};

function splitCpio(bytes: Uint8Array): Parts {
  const reader = new Reader(bytes, 'cpio_header');
  const parts: Part[] = [];
  for (;;) {
    const start = reader.offset;
    const header = readHeader(reader);
    const name = readName(reader, header.namesize);
    const headerBytes = reader.offset - start;
    skipPadding(reader);
    const offset = reader.offset;
    const content = reader.bytes(header.filesize, 'content');
    if (name !== TRAILER) skipPadding(reader);
    parts.push(entryPart(name, header, content, offset, [start, headerBytes]));
    if (name === TRAILER) break;
    if (parts.length > MAX_ENTRIES)
      throw new MeasureError('unsupported', `cpio archive: more than ${MAX_ENTRIES} entries`);
  }
  const behind = bytes.subarray(reader.offset);
  // Archives that follow are aligned with zeros.
  const next = behind.findIndex((byte) => byte !== 0);
  if (next >= 0)
    parts.push({ name: 'next archive', bytes: behind.subarray(next), offset: reader.offset + next });
  return { format: 'cpio archive', parts, rest: 'padding' };
}

function readHeader(reader: Reader): Header {
  const at = reader.offset;
  const text = showAscii(reader.bytes(HEADER_BYTES, 'header'));
  if (!/^07070[12][0-9A-Fa-f]{104}$/.test(text))
    throw reader.error('malformed', 'c_magic', 'no header of an entry', at);
  const values = numbers.map((name, index) => [
    name,
    Number.parseInt(text.slice(6 + 8 * index, 14 + 8 * index), 16),
  ]);
  return Object.fromEntries(values) as Header;
}

function readName(reader: Reader, size: number): string {
  if (size < 1 || size > MAX_NAME_BYTES) throw reader.error('malformed', 'c_namesize', `is ${size}`);
  const bytes = reader.bytes(size, 'name');
  const text = bytes.subarray(0, size - 1);
  return fromUtf8(text) ?? showAscii(text);
}

/** Names and contents are followed by zeros up to a multiple of four. */
function skipPadding(reader: Reader): void {
  reader.skip(Math.min(-reader.offset & 3, reader.remaining), 'padding');
}

function entryPart(
  name: string,
  header: Header,
  content: Uint8Array,
  offset: number,
  told: readonly [number, number],
): Part {
  const { mode, uid, gid, nlink, mtime, rmaj, rmin, chksum } = header;
  const type = types[mode & 0o170000] ?? `type 0o${(mode >> 12).toString(8)}`;
  const device = rmaj !== 0 || rmin !== 0;
  return {
    name: name === '' ? '(no name)' : name,
    fields: [
      { name: 'type', value: type },
      { name: 'mode', value: `0${(mode & 0o7777).toString(8)}` },
      { name: 'owner', value: `${uid}:${gid}` },
      { name: 'mtime', value: mtime === 0 ? '0' : `${mtime} (${timeText(mtime)})` },
      { name: 'links', value: String(nlink) },
      ...(device ? [{ name: 'device', value: `${rmaj}:${rmin}` }] : []),
      ...(chksum === 0 ? [] : [{ name: 'checksum', value: `0x${chksum.toString(16)}` }]),
    ],
    place: `inode ${header.ino} on ${header.maj}:${header.min}`,
    told: [told],
    stamps: mtime === 0 ? [] : [{ name: 'mtime', seconds: mtime, offset: told[0] + 6 + 8 * 5 }],
    bytes: content,
    offset,
  };
}
