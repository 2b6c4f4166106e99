import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { encodeLock, type Lock } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import { writeAt, writeFileAtomically } from '../image/atomic-file.ts';
import type { Task } from '../report.ts';
import { explainDiskFull, ifPresent } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { removeTree } from '../store/remove-tree.ts';
import { bundleIndexOf, encodeBundleIndex, INDEX_NAME, LOCK_NAME } from './bundle-index.ts';
import { BLOCK_BYTES, END_BYTES, fileHeader, paddingOf, readHeader } from './ustar.ts';

/** Where a bundle goes, by its name: `*.tar` is a tar, everything else a folder. */
export function isTarName(out: string): boolean {
  return out.endsWith('.tar');
}

/** Throws `invalid-input` where something else than a bundle is at `out`, or it can't be written. Before all that takes long. */
export async function checkBundleOut(out: string): Promise<void> {
  const found = await ifPresent(lstat(out));
  const refused = (reason: string) =>
    new BuilderError('invalid-input', `Cannot write "${out}": ${reason}`, {
      hint: 'Give another place with --out',
    });
  if (found === undefined) return;
  if (isTarName(out)) {
    if (!found.isFile()) throw refused('it is there already, and no file');
    if (!(await beginsAsBundle(out))) throw refused('it is there already, and no vendor bundle');
    return;
  }
  if (!found.isDirectory()) throw refused('it is there already, and no folder');
  const names = await readdir(out);
  if (names.length > 0 && !names.includes(INDEX_NAME))
    throw refused('the folder is there already, and no vendor bundle');
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
  const target = resolve(out);
  const made = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(made, { recursive: true, mode: 0o755 });
    await chmod(made, 0o755);
    const add = async (name: string, fill: (path: string) => Promise<void>) => {
      signal?.throwIfAborted();
      await fill(join(made, name));
      await chmod(join(made, name), 0o644);
      await utimes(join(made, name), 0, 0);
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
    await utimes(made, 0, 0);
    await replaceFolder(target, made);
    return index.files.reduce((sum, { size }) => sum + size, 0);
  } catch (error) {
    throw explainDiskFull(error, out);
  } finally {
    await removeTree(made);
  }
}

async function replaceFolder(target: string, made: string): Promise<void> {
  const former = `${made}-former`;
  await ifPresent(rename(target, former));
  try {
    await rename(made, target);
  } catch (error) {
    await ifPresent(rename(former, target));
    throw error;
  }
  await removeTree(former);
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
