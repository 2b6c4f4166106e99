import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainDiskFull } from '../store/errno.ts';

/**
 * Writes a file that is there whole or not at all: `write` fills a temporary file beside it, which is then renamed
 * onto it. Its mode is 644 whatever the umask. Throws `disk-full`, and what `write` throws.
 */
export async function writeFileAtomically<T>(
  path: string,
  write: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx+', 0o644);
    let result: T;
    try {
      result = await write(file);
      await file.chmod(0o644);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainDiskFull(error, path);
  }
}

/** Writes all of `bytes` at `position`; write(2) may take a part. Gives the position after them. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
  return position + done;
}
