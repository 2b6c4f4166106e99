import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join, posix } from 'node:path';
import { checkLinkTarget, hostile, mergedDirectories } from './entry-path.ts';
import type { FileMode, ListedEntry } from './listing.ts';

/** Modes on disk: read-only, since the files are hard linked into every root that has the package. */
const ON_DISK: Readonly<Record<FileMode, number>> = { '644': 0o444, '755': 0o555 };
const DIRECTORY_ON_DISK = 0o755;

/**
 * Makes the entries of one archive below an empty folder, and lists them. Paths are those of `entryPath`. It only
 * ever walks through directories that it made itself, so nothing can be written outside of the folder.
 *
 * Small synchronous calls: a package has thousands of files, and each asynchronous one costs more than the call.
 */
export class TreeWriter {
  readonly #dir: string;
  readonly #archive: string;
  readonly #listed = new Map<string, ListedEntry>();

  constructor(dir: string, archive: string) {
    this.#dir = dir;
    this.#archive = archive;
  }

  entries(): ListedEntry[] {
    return [...this.#listed.values()];
  }

  directory(path: string): void {
    const present = this.#listed.get(path);
    if (present?.type === 'directory') return;
    if (present !== undefined) throw this.#hostile(`"${path}" is a directory, and a ${present.type} as well`);
    const parent = posix.dirname(path);
    if (parent !== '.') this.directory(parent);
    const place = join(this.#dir, path);
    mkdirSync(place);
    chmodSync(place, DIRECTORY_ON_DISK);
    this.#listed.set(path, { type: 'directory', path, mode: '755' });
  }

  async file(path: string, mode: FileMode, content: AsyncIterable<Uint8Array>): Promise<void> {
    const fd = openSync(this.#place(path), 'wx', 0o600);
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const chunk of content) {
        hash.update(chunk);
        for (let written = 0; written < chunk.length; ) written += writeSync(fd, chunk, written);
        size += chunk.length;
      }
      // After the creation, since that one is subject to the umask.
      fchmodSync(fd, ON_DISK[mode]);
    } finally {
      closeSync(fd);
    }
    this.#listed.set(path, { type: 'file', path, mode, size, sha256: hash.digest('hex') });
  }

  symlink(path: string, target: string): void {
    checkLinkTarget(path, target, this.#archive);
    symlinkSync(target, this.#place(path));
    this.#listed.set(path, { type: 'symlink', path, target });
  }

  /** `target` is a path in the archive, as in tar. */
  hardLink(path: string, target: string): void {
    const file = this.#listed.get(target);
    if (file?.type !== 'file') {
      throw this.#hostile(
        `hard link "${path}" leads to "${target}", which is no file of the archive before it`,
      );
    }
    linkSync(join(this.#dir, target), this.#place(path));
    this.#listed.set(path, { ...file, path });
  }

  /** The place of a new entry, its directory made. */
  #place(path: string): string {
    if (path === '' || path in mergedDirectories) {
      throw this.#hostile(`"/${path}" is a directory in every root`);
    }
    if (this.#listed.has(path)) throw this.#hostile(`"${path}" is in it twice`);
    const parent = posix.dirname(path);
    if (parent !== '.') this.directory(parent);
    return join(this.#dir, path);
  }

  #hostile(reason: string): Error {
    return hostile(this.#archive, reason);
  }
}
