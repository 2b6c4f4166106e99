import { createHash } from 'node:crypto';
import { BuilderError } from '../error.ts';
import type { SignedFile } from './in-release.ts';

/**
 * Decompresses an index whose compressed bytes were verified already, into at most as many bytes as were signed.
 * Throws `index-invalid` for anything but exactly the signed bytes.
 */
export async function unxzVerified(
  compressed: Uint8Array,
  signed: SignedFile,
  where: string,
): Promise<Uint8Array> {
  const { XzReadableStream } = await import('xz-decompress');
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(compressed);
      controller.close();
    },
  });
  const bytes = Buffer.allocUnsafe(signed.sizeBytes);
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of new XzReadableStream(source) as unknown as AsyncIterable<Uint8Array>) {
      if (size + chunk.length > bytes.length)
        throw wrong(where, `holds more than the signed ${bytes.length} bytes`);
      hash.update(chunk);
      bytes.set(chunk, size);
      size += chunk.length;
    }
  } catch (cause) {
    if (cause instanceof BuilderError) throw cause;
    throw wrong(where, 'cannot be decompressed', cause);
  }
  if (size !== bytes.length) throw wrong(where, `holds ${size} bytes instead of the signed ${bytes.length}`);
  if (`sha256:${hash.digest('hex')}` !== signed.sha256)
    throw wrong(where, 'has another content than what was signed');
  return bytes;
}

function wrong(where: string, how: string, cause?: unknown): BuilderError {
  return new BuilderError('index-invalid', `${where} ${how}`, cause === undefined ? {} : { cause });
}
