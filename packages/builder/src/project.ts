import { open, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Lock, type Manifest, parseLock, parseManifest } from '@altee/manifest';
import { BuilderError } from './error.ts';

/** A manifest with its place on disk; relative paths in it start at `folder`. */
export interface Project {
  readonly manifest: Manifest;
  readonly manifestFile: string;
  readonly folder: string;
  readonly lockFile: string;
}

/** More than any manifest needs; the parser refuses it with its own words. */
const MANIFEST_READ_LIMIT = 2 * 1024 * 1024;
/** A lock of a thousand packages is below 1 MB. */
const LOCK_LIMIT = 32 * 1024 * 1024;

/** Reads and parses a manifest. Throws {@link ManifestError} with every problem, or `invalid-input` where there is no file. */
export async function openProject(manifestFile: string): Promise<Project> {
  const file = resolve(manifestFile);
  const manifest = parseManifest(await readAtMost(file, MANIFEST_READ_LIMIT, manifestFile), manifestFile);
  const folder = dirname(file);
  return { manifest, manifestFile: file, folder, lockFile: lockFileOf(file) };
}

/** `altee.yaml` → `altee.lock`, beside it. */
function lockFileOf(manifestFile: string): string {
  return `${manifestFile.replace(/\.ya?ml$/i, '')}.lock`;
}

/** The project's lock, or undefined where there is none yet. */
export async function readLock(project: Project): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(project.lockFile, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BuilderError('invalid-input', `Cannot read the lock "${project.lockFile}"`, { cause });
  }
  if (text.length > LOCK_LIMIT) {
    throw new BuilderError(
      'lock-invalid',
      `The lock "${project.lockFile}" is larger than ${LOCK_LIMIT} bytes`,
    );
  }
  return parseLock(text, project.lockFile);
}

/** The first `limit` bytes of a file: enough for the parser to refuse what is too large. */
async function readAtMost(file: string, limit: number, shownName: string): Promise<Uint8Array> {
  try {
    const handle = await open(file, 'r');
    try {
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
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : undefined;
    throw new BuilderError(
      'invalid-input',
      `Cannot read the manifest "${shownName}"${why ? `: ${why}` : ''}`,
      {
        hint: 'Give the path of an altee.yaml, or make one with "altee init"',
        ...(why ? {} : { cause }),
      },
    );
  }
}
