import { type FileHandle, open } from 'node:fs/promises';
import { BuilderError } from '../error.ts';
import { type CpioEntry, FIELD_MAX, orderEntries, TRAILER } from './cpio-entry.ts';

/** File types of st_mode (inode(7)). */
const typeBits: Readonly<Record<CpioEntry['kind'], number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
};

const CHUNK_BYTES = 1 << 20;

/**
 * A cpio archive in the "newc" format (Linux Documentation/driver-api/early-userspace/buffer-format.rst), in
 * chunks of at most 1 MiB; no file is held whole. The same entries give the same bytes: their order, the inode
 * numbers (from 1), times (0) and link counts (2 for directories, else 1) don't come from this machine.
 * Throws `image-invalid` as {@link orderEntries} does, for a file of 4 GiB or more, and for one that can't be read
 * or changes while it is read.
 */
export async function* writeCpio(entries: Iterable<CpioEntry>): AsyncGenerator<Uint8Array> {
  let inode = 0;
  for (const entry of orderEntries(entries)) {
    inode += 1;
    if (entry.kind === 'file' && typeof entry.source === 'string') {
      yield* fileFromDisk(entry.path, entry.source, (size) => header(entry, inode, size));
    } else {
      const content = inlineContent(entry);
      yield header(entry, inode, content.length);
      if (content.length > 0) yield content;
      yield padding(content.length);
    }
  }
  yield encodeHeader({ name: TRAILER, nlink: 1 });
}

function inlineContent(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'symlink') return Buffer.from(entry.target, 'utf8');
  return entry.kind === 'file' && typeof entry.source !== 'string' ? entry.source : new Uint8Array();
}

async function* fileFromDisk(
  path: string,
  source: string,
  makeHeader: (size: number) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  const file = await opened(path, source);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable(path, source, 'it is not a regular file');
    if (stat.size > FIELD_MAX)
      throw unreadable(path, source, 'it has 4 GiB or more, too much for a cpio archive');
    yield makeHeader(stat.size);
    let left = stat.size;
    while (left > 0) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, left));
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) throw unreadable(path, source, `it lost its last ${left} bytes while it was read`);
      left -= bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
    if ((await file.read(new Uint8Array(1), 0, 1)).bytesRead > 0) {
      throw unreadable(path, source, 'it grew while it was read');
    }
    yield padding(stat.size);
  } finally {
    await file.close();
  }
}

async function opened(path: string, source: string): Promise<FileHandle> {
  try {
    return await open(source, 'r');
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw unreadable(path, source, absent ? 'there is no such file' : 'it cannot be opened', cause);
  }
}

function unreadable(path: string, source: string, why: string, cause?: unknown): BuilderError {
  return new BuilderError(
    'image-invalid',
    `Cannot put "${source}" into the initramfs as "/${path}": ${why}`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function header(entry: CpioEntry, inode: number, size: number): Uint8Array {
  const device = 'major' in entry ? entry : { major: 0, minor: 0 };
  return encodeHeader({
    name: entry.path,
    inode,
    // The permissions of a link are never looked at; 0777 is what lstat(2) shows for every link.
    mode: typeBits[entry.kind] | (entry.kind === 'symlink' ? 0o777 : entry.mode),
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    nlink: entry.kind === 'directory' ? 2 : 1,
    size,
    deviceMajor: device.major,
    deviceMinor: device.minor,
  });
}

interface HeaderFields {
  readonly name: string;
  readonly inode?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly nlink?: number;
  readonly size?: number;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
}

/** `cpio_header` of buffer-format.rst: magic and 13 fields of 8 hex digits, the name, padding to 4 bytes. */
function encodeHeader(fields: HeaderFields): Uint8Array {
  const name = Buffer.from(`${fields.name}\0`, 'utf8');
  const numbers = [
    fields.inode ?? 0,
    fields.mode ?? 0,
    fields.uid ?? 0,
    fields.gid ?? 0,
    fields.nlink ?? 0,
    0, // mtime
    fields.size ?? 0,
    0, // major and minor of the device that the file lies on
    0,
    fields.deviceMajor ?? 0,
    fields.deviceMinor ?? 0,
    name.length,
    0, // checksum, of the "crc" variant only
  ];
  const text = `070701${numbers.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
  const bytes = Buffer.concat([Buffer.from(text, 'latin1'), name]);
  return Buffer.concat([bytes, padding(bytes.length)]);
}

function padding(size: number): Uint8Array {
  return new Uint8Array(-size & 3);
}
