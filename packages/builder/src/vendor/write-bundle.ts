import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, constants, copyFile, lstat, open, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeLock, type Lock } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import { writeAt, writeFileAtomically } from '../image/atomic-file.ts';
import { checkReplaceable, writeFolderAtomically } from '../image/atomic-folder.ts';
import type { Task } from '../report.ts';
import { ifPresent } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { bundleIndexOf, encodeBundleIndex, INDEX_NAME, LOCK_NAME } from './bundle-index.ts';
import { BLOCK_BYTES, END_BYTES, fileHeader, paddingOf, readHeader } from './ustar.ts';

/** Where a bundle goes, by its name: `*.tar` is a tar, everything else a folder. */
export function isTarName(out: string): boolean {
  return out.endsWith('.tar');
}

/** Throws `invalid-input` where something else than a bundle is at `out`: before all that takes long. */
export async function checkBundleOut(out: string): Promise<void> {
  if (!isTarName(out)) return checkReplaceable(out, 'vendor bundle', (names) => names.includes(INDEX_NAME));
  const found = await ifPresent(lstat(out));
  if (found === undefined || (found.isFile() && (await beginsAsBundle(out)))) return;
  throw new BuilderError('invalid-input', `"${out}" is there already, and is no vendor bundle`, {
    hint: 'Give another file with --out, or remove it',
  });
}

async function beginsAsBundle(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, 0);
    return bytesRead === BLOCK_BYTES && readHeader(buffer).name === INDEX_NAME;
  } finally {
    await handle.close();
  }
}

export interface BundleContents {
  readonly lock: Lock;
  /** Path of the verified file of a digest. */
  readonly pathOf: (sha256: string) => string;
  readonly task: Task;
  readonly signal?: AbortSignal;
}

/**
 * Writes the lock's bundle as one tar, whole or not at all; gives its size and digest. The same lock gives the same
 * bytes. Throws `store-corrupt` where a file isn't what its name says any more.
 */
export async function writeBundleTar(
  out: string,
  { lock, pathOf, task, signal }: BundleContents,
): Promise<{ bytes: number; sha256: string }> {
  const index = bundleIndexOf(lock);
  const total = index.files.reduce((sum, { size }) => sum + size, 0);
  return writeFileAtomically(out, async (file) => {
    const hash = createHash('sha256');
    let position = 0;
    const put = async (bytes: Uint8Array) => {
      signal?.throwIfAborted();
      hash.update(bytes);
      position = await writeAt(file, bytes, position);
    };
    const add = async (name: string, size: number, content: AsyncIterable<Uint8Array>) => {
      await put(fileHeader(name, size));
      for await (const chunk of content) {
        await put(chunk);
        task.progress(Math.min(position, total), total, 'bytes');
      }
      await put(Buffer.alloc(paddingOf(size)));
    };
    const indexBytes = Buffer.from(encodeBundleIndex(index));
    await add(INDEX_NAME, indexBytes.length, once(indexBytes));
    for (const { name, size, sha256 } of index.files) {
      const content =
        name === LOCK_NAME ? once(Buffer.from(encodeLock(lock))) : verified(pathOf(sha256), sha256);
      await add(name, size, content);
    }
    await put(Buffer.alloc(END_BYTES));
    await file.sync();
    return { bytes: position, sha256: `sha256:${hash.digest('hex')}` };
  });
}

/** The same as a folder, in place of the former one; gives the bytes of its files. */
export async function writeBundleFolder(
  out: string,
  { lock, pathOf, task, signal }: BundleContents,
): Promise<number> {
  const index = bundleIndexOf(lock);
  return writeFolderAtomically(out, async (folder) => {
    const add = async (name: string, fill: (path: string) => Promise<void>) => {
      signal?.throwIfAborted();
      await fill(join(folder, name));
      await chmod(join(folder, name), 0o644);
      await utimes(join(folder, name), 0, 0);
    };
    await add(INDEX_NAME, (path) => writeFile(path, encodeBundleIndex(index)));
    for (const [at, { name, sha256 }] of index.files.entries()) {
      await add(name, async (path) => {
        if (name === LOCK_NAME) return writeFile(path, encodeLock(lock));
        await copyFile(pathOf(sha256), path, constants.COPYFILE_FICLONE);
        if ((await hashFile(path)).sha256 !== sha256) throw corrupt(pathOf(sha256));
      });
      task.progress(at + 1, index.files.length, 'items');
    }
    await utimes(folder, 0, 0);
    return index.files.reduce((sum, { size }) => sum + size, 0);
  });
}

/** The content of a file of the store, which may have been damaged since it came in. */
async function* verified(path: string, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== sha256) throw corrupt(path);
}

function corrupt(path: string): BuilderError {
  return new BuilderError('store-corrupt', `"${path}" is not what its name says any more`, {
    hint: 'Run "altee cache verify", which removes it, then this command again',
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
