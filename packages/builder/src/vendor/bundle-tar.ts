import { createReadStream } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { invalidBundle, type OpenBundle, shown } from './bundle.ts';
import { type BundleMember, INDEX_NAME, MOST_INDEX_BYTES } from './bundle-index.ts';
import { BLOCK_BYTES, END_BYTES, fileHeader, paddingOf, readHeader } from './ustar.ts';

/** Magic numbers of what a tar is often packed into. */
const COMPRESSIONS: readonly (readonly [string, string])[] = [
  ['1f8b', 'gzip'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
];

/**
 * A bundle as a tar. Its bytes follow from its index, so nothing in it is parsed: each header must be, to the byte, the
 * one that altee writes for that member, at that place. Names, types, links and sizes of others can't come in.
 */
export async function openBundleTar(path: string): Promise<OpenBundle> {
  const { indexText, fileSize, indexBytes } = await readIndex(path);
  const places = new Map<string, number>();
  return {
    indexText,
    checkMembers: async (members) => {
      let offset = BLOCK_BYTES + indexBytes + paddingOf(indexBytes);
      await withFile(path, async (file) => {
        for (const member of members) {
          const wanted = fileHeader(member.name, member.size);
          const found = await readAt(file, offset, BLOCK_BYTES);
          if (Buffer.compare(found, wanted) !== 0) throw otherHeader(path, found, member, members);
          offset += BLOCK_BYTES;
          places.set(member.name, offset);
          offset += member.size;
          if (offset > fileSize) throw invalidBundle(path, `it is cut off in ${shown(member.name)}`);
          await checkZeros(path, file, offset, paddingOf(member.size), `after ${shown(member.name)}`);
          offset += paddingOf(member.size);
        }
        const end = await readAt(file, offset, END_BYTES);
        if (end.some((byte) => byte !== 0)) throw extra(path, readHeader(end).name);
        if (end.length < END_BYTES) throw invalidBundle(path, 'it is cut off at its end');
        if (fileSize > offset + END_BYTES)
          throw invalidBundle(path, `${fileSize - offset - END_BYTES} bytes come after its end`);
      });
    },
    read: ({ name, size }) => {
      const start = places.get(name) ?? 0;
      return createReadStream(path, { start, end: start + size - 1, highWaterMark: 1 << 20 });
    },
  };
}

interface IndexRead {
  readonly indexText: string;
  readonly fileSize: number;
  readonly indexBytes: number;
}

async function readIndex(path: string): Promise<IndexRead> {
  return withFile(path, async (file) => {
    const found = await file.stat();
    if (!found.isFile()) throw invalidBundle(path, 'it is no regular file');
    const head = await readAt(file, 0, BLOCK_BYTES);
    const compression = COMPRESSIONS.find(
      ([magic]) => head.subarray(0, magic.length / 2).toString('hex') === magic,
    );
    if (compression)
      throw invalidBundle(path, `it is compressed with ${compression[1]}`, {
        hint: 'Unpack it first; a bundle is a plain tar',
      });
    const { name, size } = head.length < BLOCK_BYTES ? { name: '', size: undefined } : readHeader(head);
    if (name !== INDEX_NAME || size === undefined)
      throw invalidBundle(path, `it does not begin with "${INDEX_NAME}"`, {
        hint: 'Give a bundle that "altee vendor" made, or a folder',
      });
    if (size > MOST_INDEX_BYTES) throw invalidBundle(path, `its index claims ${size} bytes`);
    if (Buffer.compare(head, fileHeader(name, size)) !== 0) throw otherTar(path, name);
    const text = await readAt(file, BLOCK_BYTES, size);
    if (text.length < size) throw invalidBundle(path, 'it is cut off in its index');
    await checkZeros(path, file, BLOCK_BYTES + size, paddingOf(size), 'after its index');
    return { indexText: text.toString('utf8'), fileSize: found.size, indexBytes: size };
  });
}

function otherHeader(
  path: string,
  found: Uint8Array,
  wanted: BundleMember,
  members: readonly BundleMember[],
): Error {
  if (found.length === 0) return invalidBundle(path, `it is cut off before ${shown(wanted.name)}`);
  if (found.length < BLOCK_BYTES)
    return invalidBundle(path, `it is cut off in the header of ${shown(wanted.name)}`);
  if (found.every((byte) => byte === 0))
    return invalidBundle(path, `it lacks ${shown(wanted.name)}: it ends before it`);
  const { name, size } = readHeader(found);
  if (name === wanted.name) {
    return size === wanted.size
      ? otherTar(path, name)
      : invalidBundle(path, `${shown(name)} has ${size ?? 'no'} bytes there, its index says ${wanted.size}`);
  }
  const at = members.findIndex((member) => member.name === name);
  if (at < 0) return extra(path, name);
  return at > members.indexOf(wanted)
    ? invalidBundle(path, `it lacks ${shown(wanted.name)}: ${shown(name)} is in its place`)
    : invalidBundle(path, `it holds ${shown(name)} a second time`);
}

function extra(path: string, name: string): Error {
  return invalidBundle(path, `it holds ${shown(name)}, which its index does not name`);
}

function otherTar(path: string, name: string): Error {
  return invalidBundle(path, `the header of ${shown(name)} is not as altee writes it`, {
    hint: 'Another tool packed it: unpack it and give the folder, or make it anew with "altee vendor"',
  });
}

async function checkZeros(
  path: string,
  file: FileHandle,
  offset: number,
  length: number,
  where: string,
): Promise<void> {
  const bytes = await readAt(file, offset, length);
  if (bytes.length < length) throw invalidBundle(path, `it is cut off ${where}`);
  if (bytes.some((byte) => byte !== 0)) throw invalidBundle(path, `hidden bytes stand ${where}`);
}

/** The bytes there; fewer where the file ends. */
async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  // Without O_NONBLOCK, opening a FIFO waits for ever for somebody who writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
