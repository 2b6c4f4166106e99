import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';

/** An entry of a made-up archive. */
export interface MadeEntry {
  readonly name: string;
  readonly data?: Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly mtime?: number;
  /** Instead of the size of the data. */
  readonly size?: number;
}

/** A newc archive with its end mark. */
export function makeCpio(entries: readonly MadeEntry[]): Uint8Array {
  return concatBytes([...entries, { name: 'TRAILER!!!', mode: 0 }].flatMap(encode));
}

function encode(
  { name, data = new Uint8Array(0), mode = 0o100644, uid = 0, mtime = 0, size }: MadeEntry,
  index: number,
) {
  const fields = [index + 1, mode, uid, 0, 1, mtime, size ?? data.length, 0, 0, 0, 0, name.length + 1, 0];
  const text = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  return [...padded(ascii(`070701${text}${name}\0`)), ...padded(data)];
}

function padded(bytes: Uint8Array): Uint8Array[] {
  return [bytes, new Uint8Array(-bytes.length & 3)];
}
