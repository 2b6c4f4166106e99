import type { Finding } from '../problem.ts';
import { findRefusedCharacters } from './characters.ts';
import { SourceText } from './text.ts';
import { decodeUtf8, firstInvalidUtf8 } from './utf8.ts';

/** What a file gives: its text, and what is wrong with it as text. With `stop`, parsing it makes no sense. */
export interface ReadText {
  readonly source: SourceText;
  readonly findings: readonly Finding[];
}

/** Decodes a document of at most `limit` bytes and looks for what no text file should hold. */
export function readText(input: Uint8Array | string, file: string, limit: number): ReadText {
  if (input.length > limit) {
    const message = `The file is larger than ${limit} bytes`;
    const advice = 'Keep data in files of its own and name them here';
    return refuse(file, '', { offset: 0, path: [], message, advice });
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  if (text === undefined) return refuseEncoding(input as Uint8Array, file);
  const source = new SourceText(file, text.replace(/^\ufeff/, ''));
  return { source, findings: findRefusedCharacters(source.text) };
}

/** Byte order marks of UTF-16 (Unicode Standard §23.8): the usual reason why an editor's file is no UTF-8. */
function refuseEncoding(bytes: Uint8Array, file: string): ReadText {
  const [first, second] = bytes;
  const utf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const offset = firstInvalidUtf8(bytes) ?? 0;
  const hex = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
  const before = decodeUtf8(bytes.subarray(0, offset)) ?? '';
  const message = utf16
    ? 'The file is UTF-16'
    : `The file is not UTF-8: the byte 0x${hex} at offset ${offset} (0x${offset.toString(16)}) starts no character`;
  return refuse(file, before, { offset: before.length, path: [], message, advice: 'Save it as UTF-8' });
}

function refuse(file: string, text: string, finding: Finding): ReadText {
  return { source: new SourceText(file, text), findings: [finding] };
}
