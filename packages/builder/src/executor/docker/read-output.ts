import {
  closeSync,
  fchmodSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract, extract } from 'tar-stream';
import { BuilderError } from '../../error.ts';
import { explainDiskFull } from '../../store/errno.ts';

export interface OutputLimits {
  /** Bytes on the disk, as `folderBytes` counts them. */
  readonly bytes: number;
  readonly stepName: string;
}

/** Thrown where the output passes its bound; the rest was not read. */
export class OutputTooLarge extends Error {}

/** What an entry counts at least, as in `folderBytes`. */
const ENTRY_BYTES = 512;
/** With holes: nothing that a build step makes is larger, and an engine could send zeros for ever. */
const MAX_APPARENT_BYTES = 64 * 2 ** 30;
/** PATH_MAX and NAME_MAX of Linux (limits.h). */
const [PATH_MAX, NAME_MAX] = [4096, 255];
const ZEROS = Buffer.alloc(2 ** 16);

/**
 * Reads the tar archive that the engine makes of a container's folder into the empty folder `dir`; `top` is the folder's
 * name if the archive repeats it. It holds directories, regular files (those that their owner may run as 755), symbolic links with whatever target, hard links among the
 * files. Nothing of the archive can lie outside of `dir`: it only goes through directories that it made itself.
 *
 * Throws {@link OutputTooLarge}; `step-failed` for special files, as every executor does; `archive-hostile` for what no
 * folder of a container gives; `executor-unavailable` where the archive ends early or is none.
 */
export async function readOutput(
  source: Readable,
  top: string | undefined,
  dir: string,
  limits: OutputLimits,
): Promise<void> {
  const tar = extract();
  const writer = new OutputWriter(top, dir, limits);
  const flowing = pipeline(source, tar).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    for await (const entry of tar) await writer.take(entry);
    const failure = await flowing;
    if (failure !== undefined) throw failure;
    if (!writer.isComplete) throw new Error('It lacks the folder itself');
  } catch (error) {
    source.destroy();
    const known = explainDiskFull(error, dir);
    if (known instanceof BuilderError || error instanceof OutputTooLarge || isSystemError(error)) throw known;
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuilderError(
      'executor-unavailable',
      `Cannot read the output of step "${limits.stepName}" from the container engine`,
      {
        hint: 'Build again; if it fails again, look for what ails the engine',
        details: [reason],
        cause: error,
      },
    );
  }
}

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

class OutputWriter {
  readonly #top: string | undefined;
  readonly #dir: string;
  readonly #limits: OutputLimits;
  readonly #kinds = new Map<string, 'directory' | 'file' | 'other'>();
  #bytes = 0;
  #apparent = 0;

  constructor(top: string | undefined, dir: string, limits: OutputLimits) {
    this.#top = top;
    this.#dir = dir;
    this.#limits = limits;
  }

  /** Whether the folder itself was in the archive. */
  get isComplete(): boolean {
    return this.#kinds.has('');
  }

  async take(entry: Entry): Promise<void> {
    const { name, type, mode, size, linkname } = entry.header;
    const path = this.#inside(name);
    if (type !== 'file' && size > 0) throw this.#hostile(`"${name}" is a ${type} with content`);
    this.#apparent += size;
    if (this.#apparent > MAX_APPARENT_BYTES) throw new OutputTooLarge();
    this.#count(ENTRY_BYTES);
    switch (type) {
      case 'directory':
        if (this.#kinds.get(path) === 'directory') break;
        if (path !== '') mkdirSync(this.#place(path), { mode: 0o755 });
        this.#kinds.set(path, 'directory');
        break;
      case 'file':
        await this.#file(path, (mode & 0o100) === 0 ? 0o644 : 0o755, size, entry as AsyncIterable<Buffer>);
        return;
      case 'symlink':
        symlinkSync(linkname ?? '', this.#place(path));
        this.#kinds.set(path, 'other');
        break;
      case 'link': {
        const target = this.#inside(linkname ?? '');
        if (this.#kinds.get(target) !== 'file')
          throw this.#hostile(`"${name}" links to "${linkname}", which is no file`);
        linkSync(join(this.#dir, target), this.#place(path));
        this.#kinds.set(path, 'file');
        break;
      }
      default:
        throw new BuilderError(
          'step-failed',
          `Step "${this.#limits.stepName}" left a special file at "$OUT/${path}"`,
          {
            hint: 'Only directories, regular files and symbolic links can be kept in $OUT',
          },
        );
    }
    entry.resume();
  }

  async #file(path: string, mode: number, size: number, content: AsyncIterable<Buffer>): Promise<void> {
    const fd = openSync(this.#place(path), 'wx', 0o600);
    try {
      let at = 0;
      for await (const chunk of content) {
        // A hole stays one, and counts as little as it does in the sandbox.
        if (!isZero(chunk)) {
          this.#count(chunk.length);
          for (let done = 0; done < chunk.length; )
            done += writeSync(fd, chunk, done, chunk.length - done, at + done);
        }
        at += chunk.length;
      }
      if (at !== size) throw new Error(`"${path}" has ${at} of ${size} bytes`);
      ftruncateSync(fd, size);
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
    this.#kinds.set(path, 'file');
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes + ENTRY_BYTES) throw new OutputTooLarge();
  }

  /** The path below the folder; empty for the folder itself. */
  #inside(name: string): string {
    // "out/d/f", "/d/f", "d/f" or "./d/f": clients differ.
    const parts = name
      .replace(/^(?:\.?\/)+/, '')
      .replace(/\/$/, '')
      .split('/');
    if (this.#top !== undefined && parts.shift() !== this.#top)
      throw this.#hostile(`"${name}" is not in "${this.#top}"`);
    if (parts.length === 1 && (parts[0] === '' || parts[0] === '.')) return '';
    if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0')))
      throw this.#hostile(`"${name}" leads out of the folder`);
    if (name.includes('\ufffd')) {
      throw new BuilderError(
        'step-failed',
        `Step "${this.#limits.stepName}" left a name that is no UTF-8 in "$OUT"`,
        {
          hint: 'Give the file a name in UTF-8',
        },
      );
    }
    if (Buffer.byteLength(name) > PATH_MAX || parts.some((part) => Buffer.byteLength(part) > NAME_MAX))
      throw this.#hostile(`"${name.slice(0, 60)}…" is longer than a file system allows`);
    return parts.join('/');
  }

  /** The place of a new entry, in a directory that this archive made. */
  #place(path: string): string {
    if (this.#kinds.has(path)) throw this.#hostile(`"${path}" is in it twice`);
    const parent = posix.dirname(path);
    if (this.#kinds.get(parent === '.' ? '' : parent) !== 'directory')
      throw this.#hostile(`"${path}" is in no directory of it`);
    return join(this.#dir, path);
  }

  #hostile(reason: string): BuilderError {
    return new BuilderError(
      'archive-hostile',
      `Refused the output of step "${this.#limits.stepName}": ${reason}`,
      {
        hint: 'The container engine sent what no folder of a container can hold: do not use it',
      },
    );
  }
}

function isZero(chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += ZEROS.length) {
    const part = chunk.subarray(at, at + ZEROS.length);
    if (part.compare(ZEROS, 0, part.length) !== 0) return false;
  }
  return true;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
