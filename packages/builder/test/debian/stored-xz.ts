import { crc32 } from 'node:zlib';

/**
 * An .xz file that holds `content` uncompressed: no npm package writes the format, and readers cannot tell.
 * The .xz File Format 1.2.1, https://tukaani.org/xz/xz-file-format.txt; LZMA2 chunks as in its §5.3.1.
 */
export function storedXz(content: Uint8Array): Buffer {
  const flags = Buffer.of(0, 0); // §2.1.1.2: no check
  const header = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), flags, crc(flags)]);
  // §3.1: 12 bytes, one filter, no sizes; LZMA2 (0x21) with one byte of properties, a dictionary of 8 MiB.
  const blockFields = Buffer.of(2, 0, 0x21, 1, 0x16, 0, 0, 0);
  const blockHeader = Buffer.concat([blockFields, crc(blockFields)]);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += 0x10000) {
    const part = content.subarray(at, at + 0x10000);
    chunks.push(Buffer.of(at === 0 ? 1 : 2, (part.length - 1) >> 8, (part.length - 1) & 0xff), part);
  }
  const data = Buffer.concat([...chunks, Buffer.of(0)]);
  const record = [...varint(blockHeader.length + data.length), ...varint(content.length)];
  const indexFields = padded(Buffer.of(0, 1, ...record)); // §4
  const index = Buffer.concat([indexFields, crc(indexFields)]);
  const footerFields = Buffer.alloc(6); // §2.1.2
  footerFields.writeUInt32LE(index.length / 4 - 1);
  const footer = Buffer.concat([crc(footerFields), footerFields, Buffer.from('YZ')]);
  return Buffer.concat([header, blockHeader, padded(data), index, footer]);
}

function crc(bytes: Uint8Array): Buffer {
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(bytes));
  return sum;
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** §1.2: little end first, seven bits a byte. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}
