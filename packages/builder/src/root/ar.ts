import { type FileHandle, open } from 'node:fs/promises';
import { BuilderError } from '../error.ts';

/** A file in an ar archive; `offset` and `size` in bytes. */
export interface ArMember {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** deb(5), ar(5): the magic of the archive, and the header of each member. */
const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
const HEADER_END = '`\n';
/** A package has three members (deb(5)); a few more are allowed there, as dpkg does, but not any number. */
const MAX_MEMBERS = 16;

/** The members of an ar archive, in order. Throws `archive-malformed` where it isn't one. */
export async function readAr(path: string): Promise<ArMember[]> {
  const file = await open(path, 'r');
  try {
    const { size: fileSize } = await file.stat();
    const magic = await readText(file, 0, MAGIC.length);
    if (magic !== MAGIC) throw malformed(path, 'it does not begin with "!<arch>"');
    const members: ArMember[] = [];
    for (let offset = MAGIC.length; offset < fileSize; ) {
      if (members.length === MAX_MEMBERS) throw malformed(path, `it has more than ${MAX_MEMBERS} members`);
      const member = parseHeader(await readText(file, offset, HEADER_BYTES), path, offset);
      const end = member.offset + member.size;
      if (end > fileSize) {
        throw malformed(path, `member "${member.name}" ends at ${end}, the file at ${fileSize}`);
      }
      members.push(member);
      // Each member begins at an even offset.
      offset = end + (end % 2);
    }
    return members;
  } finally {
    await file.close();
  }
}

function parseHeader(header: string, path: string, offset: number): ArMember {
  if (header.length < HEADER_BYTES) throw malformed(path, `the member header at ${offset} is cut off`);
  if (header.slice(58) !== HEADER_END) throw malformed(path, `no member header at ${offset}`);
  const size = header.slice(48, 58).trimEnd();
  if (!/^[0-9]{1,10}$/.test(size)) throw malformed(path, `the member size at ${offset + 48} is no number`);
  // GNU ar ends names with a slash.
  const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
  return { name, offset: offset + HEADER_BYTES, size: Number(size) };
}

async function readText(file: FileHandle, offset: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.toString('latin1', 0, bytesRead);
}

function malformed(path: string, reason: string): BuilderError {
  return new BuilderError('archive-malformed', `Cannot read "${path}" as an ar archive: ${reason}`);
}
