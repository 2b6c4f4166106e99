import { MeasureError } from '../../error.ts';
import { isZstd } from '../../zstd/frame.ts';
import type { Field, Format, Part, Parts, SplitContext, Stamp } from '../parts.ts';
import { timeText } from '../parts.ts';

/** Compressed streams, by their magic numbers. */
const streams: readonly {
  readonly name: string;
  readonly isOne: (bytes: Uint8Array) => boolean;
  readonly header?: (bytes: Uint8Array) => { readonly fields: Field[]; readonly stamps: Stamp[] };
}[] = [
  { name: 'zstd', isOne: isZstd },
  { name: 'gzip', isOne: startsWith(0x1f, 0x8b, 0x08), header: gzipHeader },
  { name: 'xz', isOne: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00) },
];

/** One format for each kind of stream: what it holds is its part. */
export const compressedFormats: readonly Format[] = streams.map(({ name, isOne, header }) => ({
  name: `${name} stream`,
  recognises: isOne,
  split: (bytes, context) => splitStream(name, bytes, context, header?.(bytes)),
}));

function splitStream(
  name: string,
  bytes: Uint8Array,
  context: SplitContext,
  header: { readonly fields: Field[]; readonly stamps: Stamp[] } = { fields: [], stamps: [] },
): Parts {
  const decompress = context.decompressors[name];
  if (!decompress) throw new MeasureError('unsupported', `altee has no ${name} decompressor here`);
  const { output, consumedBytes } = decompress(bytes, context.decompressedBytesLeft);
  context.decompressedBytesLeft -= output.length;
  const parts: Part[] = [{ name: 'content', bytes: output }];
  if (consumedBytes < bytes.length)
    parts.push({ name: 'after the stream', bytes: bytes.subarray(consumedBytes), offset: consumedBytes });
  return {
    format: `${name} stream`,
    ...header,
    parts,
    otherwise: 'the content is the same; it was compressed in another way',
  };
}

/** RFC 1952, 2.3. */
function gzipHeader(bytes: Uint8Array): { readonly fields: Field[]; readonly stamps: Stamp[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 10) throw new MeasureError('truncated', 'gzip: the header needs 10 bytes');
  const seconds = view.getUint32(4, true);
  return {
    fields: [
      { name: 'FLG', value: `0x${view.getUint8(3).toString(16)}` },
      { name: 'MTIME', value: seconds === 0 ? '0' : `${seconds} (${timeText(seconds)})` },
      { name: 'XFL', value: String(view.getUint8(8)) },
      { name: 'OS', value: String(view.getUint8(9)) },
    ],
    stamps: seconds === 0 ? [] : [{ name: 'MTIME', seconds, offset: 4 }],
  };
}

function startsWith(...magic: readonly number[]): (bytes: Uint8Array) => boolean {
  return (bytes) => magic.every((byte, index) => bytes[index] === byte);
}
