import { parseGuid } from '../src/bytes/guid.ts';
import { ascii } from '../src/bytes/text.ts';
import { concatBytes, Writer } from '../src/bytes/writer.ts';

const ffs2 = parseGuid('8c8ce578-8a3d-4f1c-9935-896185c32dd3');
const padName = new Uint8Array(16).fill(0xff);

/** A section with the common header. */
export function makeSection(type: number, contents: Uint8Array): Uint8Array {
  const size = contents.length + 4;
  return new Writer()
    .u16(size & 0xffff)
    .u8(size >> 16)
    .u8(type)
    .bytes(contents)
    .finish();
}

/** A GUIDed section; `data` follows a header of 24 bytes. */
export function makeGuidedSection(guid: string, data: Uint8Array): Uint8Array {
  return makeSection(0x02, concatBytes([new Writer().bytes(parseGuid(guid)).u16(24).u16(1).finish(), data]));
}

/** Sections one after the other, at multiples of 4. */
export function makeSections(...sections: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  for (const section of sections) writer.align(4).bytes(section);
  return writer.finish();
}

export interface MadeFile {
  readonly name?: string;
  readonly type: number;
  readonly contents: Uint8Array;
  readonly large?: boolean;
}

/** A file's header and contents. A pad file's name has only ones. */
export function makeFile({ name, type, contents, large = false }: MadeFile): Uint8Array {
  const size = contents.length + (large ? 32 : 24);
  const writer = new Writer()
    .bytes(name === undefined ? padName : parseGuid(name))
    .u16(0xaa00)
    .u8(type);
  writer.u8(large ? 1 : 0);
  if (large) writer.u16(0).u8(0);
  else writer.u16(size & 0xffff).u8(size >> 16);
  writer.u8(0xf8);
  if (large) writer.u64(size);
  return writer.bytes(contents).finish();
}

/** A volume with an extension header that holds its name, and free space at its end. */
export function makeVolume(options: {
  name?: string;
  files?: readonly Uint8Array[];
  length?: number;
}): Uint8Array {
  const { name, files = [], length = 4096 } = options;
  const extAt = name === undefined ? 0 : 72;
  const header = new Writer().zeros(16).bytes(ffs2).u64(length).bytes(ascii('_FVH')).u32(0x4feff);
  header.u16(72).u16(0).u16(extAt).u8(0).u8(2).u32(1).u32(length).u32(0).u32(0);
  const bytes = new Uint8Array(length).fill(0xff);
  bytes.set(header.finish());
  let sum = 0;
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 72; i += 2) sum += view.getUint16(i, true);
  view.setUint16(50, -sum & 0xffff, true);
  let at = 72;
  if (name !== undefined) {
    bytes.set(new Writer().bytes(parseGuid(name)).u32(20).finish(), extAt);
    at = extAt + 20;
  }
  for (const file of files) {
    at = Math.ceil(at / 8) * 8;
    bytes.set(file, at);
    at += file.length;
  }
  return bytes;
}
