import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import { hasCode } from '../store/errno.ts';

/** What is on one side of a comparison. */
export interface Side {
  readonly kind: 'file' | 'folder';
  /** As it was given. */
  readonly path: string;
}

/** A file or link of a folder, by its path in the folder. */
export interface FolderEntry {
  readonly path: string;
  readonly kind: 'file' | 'link' | 'other';
  readonly size: number;
  /** Of a link. */
  readonly target?: string;
  readonly isExecutable: boolean;
}

const MAX_ENTRIES = 100_000;
/** More than any image; such files are compared and not taken apart. */
const MAX_LOADED_BYTES = 2 ** 30;
const CHUNK_BYTES = 2 ** 20;

/** Looks at a path. Throws `invalid-input` where there is nothing, or nothing that can be compared. */
export async function openSide(path: string): Promise<Side> {
  const found = await stat(path).catch((cause: unknown) => {
    const why = hasCode(cause, 'ENOENT', 'ENOTDIR') ? 'there is no such file or folder' : 'it cannot be read';
    throw new BuilderError('invalid-input', `Cannot compare "${path}": ${why}`, { cause });
  });
  if (found.isDirectory()) return { kind: 'folder', path };
  if (found.isFile()) return { kind: 'file', path };
  throw new BuilderError('invalid-input', `Cannot compare "${path}": it is neither a file nor a folder`);
}

/** All files and links below a folder, sorted by path. Links are not followed. */
export async function listFolder(folder: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  await visit('');
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));

  async function visit(prefix: string): Promise<void> {
    for (const name of await readdir(join(folder, prefix))) {
      const path = `${prefix}${name}`;
      const found = await lstat(join(folder, path));
      if (found.isDirectory()) {
        await visit(`${path}/`);
        continue;
      }
      if (entries.length >= MAX_ENTRIES)
        throw new BuilderError(
          'invalid-input',
          `Cannot compare "${folder}": it has more than ${MAX_ENTRIES} files`,
        );
      const kind = found.isFile() ? 'file' : found.isSymbolicLink() ? 'link' : 'other';
      entries.push({
        path,
        kind,
        size: found.size,
        isExecutable: (found.mode & 0o100) !== 0,
        ...(kind === 'link' ? { target: await readlink(join(folder, path)) } : {}),
      });
    }
  }
}

/** True when both files hold the same bytes; reads no further than to the first that differ. */
export async function sameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([openFile(a), openFile(b)]);
  try {
    if ((await one.stat()).size !== (await other.stat()).size) return false;
    const [left, right] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
    for (;;) {
      const [read, readOther] = await Promise.all([fill(one, left), fill(other, right)]);
      if (read !== readOther || left.compare(right, 0, read, 0, read) !== 0) return false;
      if (read < CHUNK_BYTES) return true;
    }
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
}

/** The whole file, or `undefined` where it is too large to be held. */
export async function loadFile(path: string): Promise<Uint8Array | undefined> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_LOADED_BYTES) return undefined;
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await fill(file, bytes));
  } finally {
    await file.close();
  }
}

/** A FIFO put in the place of a file must not hold us up. */
function openFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read "${path}"`, { cause });
  });
}

async function fill(file: FileHandle, buffer: Uint8Array): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}
