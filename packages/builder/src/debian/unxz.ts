import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { BuilderError } from '../error.ts';
import { wasmXz } from '../root/xz.ts';
import type { SignedFile } from './in-release.ts';

/**
 * Decompresses an index, whose compressed bytes were verified already, into exactly the bytes that were signed.
 * Throws `index-invalid` for any others, before more than the signed size is held.
 */
export async function unxzVerified(path: string, signed: SignedFile, where: string): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(signed.sizeBytes);
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of wasmXz(createReadStream(path)) as AsyncIterable<Uint8Array>) {
      if (size + chunk.length > bytes.length) {
        throw wrong(where, `holds more than the signed ${bytes.length} bytes`);
      }
      hash.update(chunk);
      bytes.set(chunk, size);
      size += chunk.length;
    }
  } catch (cause) {
    if (cause instanceof BuilderError) throw cause;
    throw wrong(where, 'cannot be decompressed', cause);
  }
  if (size !== bytes.length) throw wrong(where, `holds ${size} bytes instead of the signed ${bytes.length}`);
  if (`sha256:${hash.digest('hex')}` !== signed.sha256) {
    throw wrong(where, 'has another content than what was signed');
  }
  return bytes;
}

function wrong(where: string, how: string, cause?: unknown): BuilderError {
  return new BuilderError('index-invalid', `${where} ${how}`, cause === undefined ? {} : { cause });
}
