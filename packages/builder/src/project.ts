import { constants, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Lock, type Manifest, parseLock, parseManifest } from '@altee/manifest';
import { BuilderError } from './error.ts';
import { hasCode } from './store/errno.ts';
import { fileErrorReason, isSystemError } from './store/file-error.ts';

/** A manifest with its place on disk; relative paths in it start at `folder`. */
export interface Project {
  readonly manifest: Manifest;
  readonly manifestFile: string;
  readonly folder: string;
  readonly lockFile: string;
}

/** More than any manifest needs; the parser refuses it with its own words. */
const MANIFEST_READ_LIMIT = 2 * 1024 * 1024;
/** The same for a lock; one of a thousand packages is below 1 MB. */
const LOCK_READ_LIMIT = 17 * 1024 * 1024;

/** Reads and parses a manifest. Throws {@link ManifestError} with every problem, or `invalid-input` where there is no file. */
export async function openProject(manifestFile: string): Promise<Project> {
  const file = resolve(manifestFile);
  const manifest = parseManifest(await readManifest(file, manifestFile), manifestFile);
  const folder = dirname(file);
  return { manifest, manifestFile: file, folder, lockFile: lockFileOf(file) };
}

/** `altee.yaml` → `altee.lock`, beside it. */
export function lockFileOf(manifestFile: string): string {
  return `${manifestFile.replace(/\.ya?ml$/i, '')}.lock`;
}

/** The project's lock, or undefined where there is none yet. */
export function readLock(project: Project): Promise<Lock | undefined> {
  return readLockFile(project.lockFile);
}

/** The lock in that file, or undefined where there is none. */
export async function readLockFile(lockFile: string): Promise<Lock | undefined> {
  try {
    const bytes = await readAtMost(lockFile, LOCK_READ_LIMIT);
    return parseLock(new TextDecoder().decode(bytes), lockFile);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    if (!(cause instanceof NotRegular || isSystemError(cause))) throw cause;
    throw new BuilderError('invalid-input', `Cannot read the lock "${lockFile}": ${fileErrorReason(cause)}`, {
      hint: 'Restore it from version control, or move it away and run "altee lock"',
    });
  }
}

async function readManifest(file: string, shownName: string): Promise<Uint8Array> {
  try {
    return await readAtMost(file, MANIFEST_READ_LIMIT);
  } catch (cause) {
    throw new BuilderError(
      'invalid-input',
      `Cannot read the manifest "${shownName}": ${fileErrorReason(cause)}`,
      {
        hint: 'Give the path of an altee.yaml, or make one with "altee init"',
      },
    );
  }
}

/** The first `limit` bytes of a regular file: enough for the parser to refuse what is too large. */
export async function readAtMost(file: string, limit: number): Promise<Uint8Array> {
  // Without O_NONBLOCK, opening a FIFO waits for ever for somebody who writes to it.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile())
      throw new NotRegular(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
    const buffer = new Uint8Array(limit);
    let length = 0;
    while (length < limit) {
      const { bytesRead } = await handle.read(buffer, length, limit - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

class NotRegular extends Error {}
