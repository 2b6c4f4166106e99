import { closeSync, fchmodSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { BuilderError } from '../../error.ts';

/** NAME_MAX and PATH_MAX of Linux (limits.h); a directory deeper than a path can name is no output. */
const NAME_MAX = 255;
const PATH_MAX = 4096;
const MAX_DEPTH = PATH_MAX / 2;

/** The first word of each path in an export ("nix-store --export"). */
const PATH_FOLLOWS = 1n;

/**
 * Writes the tree in a stream of `nix-store --export` of one path below the existing folder `dir`: files with mode 755 or
 * 644, directories, links. Nix has compared the path's bytes with its database before it exports them.
 * (Nix manual, "Nix Archive (NAR) format".)
 *
 * Throws `archive-malformed`.
 */
export async function unpackExport(stream: AsyncIterable<Uint8Array>, dir: string): Promise<void> {
  const reader = new NarReader(stream);
  if ((await reader.number()) !== PATH_FOLLOWS) throw malformed('it has no path');
  await reader.expect('nix-archive-1');
  await readNode(reader, Buffer.from(dir), 0);
  // References, deriver and signature are Nix's own business.
  await reader.skipRest();
}

async function readNode(reader: NarReader, path: Buffer, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw malformed('its directories are too deep');
  await reader.expect('(');
  await reader.expect('type');
  const type = await reader.text(PATH_MAX);
  if (type === 'regular') await readFile(reader, path);
  else if (type === 'symlink') {
    await reader.expect('target');
    const target = await reader.bytes(PATH_MAX);
    if (target.length === 0 || target.includes(0)) throw malformed('a link has no fit target');
    symlinkSync(target, path);
    await reader.expect(')');
  } else if (type === 'directory') await readDirectory(reader, path, depth);
  else throw malformed(`an entry has the type "${type}"`);
}

async function readDirectory(reader: NarReader, path: Buffer, depth: number): Promise<void> {
  if (depth > 0) mkdirSync(path, { mode: 0o755 });
  let last: Buffer = Buffer.alloc(0);
  for (let word = await reader.text(PATH_MAX); word !== ')'; word = await reader.text(PATH_MAX)) {
    if (word !== 'entry') throw malformed(`a directory has "${word}" in it`);
    await reader.expect('(');
    await reader.expect('name');
    const name = await reader.bytes(NAME_MAX);
    if (!isName(name) || Buffer.compare(name, last) <= 0)
      throw malformed('the names in it are not sorted names');
    last = name;
    await reader.expect('node');
    await readNode(reader, Buffer.concat([path, SLASH, name]), depth + 1);
    await reader.expect(')');
  }
}

const SLASH = Buffer.from('/');

function isName(name: Buffer): boolean {
  const text = name.toString('latin1');
  return text !== '' && text !== '.' && text !== '..' && !/[\0/]/.test(text);
}

async function readFile(reader: NarReader, path: Buffer): Promise<void> {
  let mode = 0o644;
  let word = await reader.text(PATH_MAX);
  if (word === 'executable') {
    mode = 0o755;
    await reader.expect('');
    word = await reader.text(PATH_MAX);
  }
  const file = openSync(path, 'wx', 0o600);
  try {
    if (word === 'contents') {
      await reader.content((chunk) => {
        for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
      });
      word = await reader.text(PATH_MAX);
    }
    // After the creation, since that one is subject to the umask.
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
  if (word !== ')') throw malformed(`a file has "${word}" in it`);
}

/** Words of a NAR: a length of 8 bytes, little endian, the bytes, and zeros up to a multiple of 8. */
class NarReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async number(): Promise<bigint> {
    return (await this.#take(8)).readBigUInt64LE();
  }

  async bytes(most: number): Promise<Buffer> {
    const length = await this.number();
    if (length > most) throw malformed(`a name of ${length} bytes`);
    const bytes = Buffer.from(await this.#take(Number(length)));
    await this.#padding(length);
    return bytes;
  }

  async text(most: number): Promise<string> {
    return (await this.bytes(most)).toString('latin1');
  }

  async expect(word: string): Promise<void> {
    const found = await this.text(PATH_MAX);
    if (found !== word) throw malformed(`"${found}" stands where "${word}" should`);
  }

  /** The bytes of a word, in pieces as they come. */
  async content(write: (chunk: Buffer) => void): Promise<void> {
    const length = await this.number();
    for (let left = length; left > 0n; ) {
      if (this.#at === this.#buffer.length) await this.#more();
      const here = this.#buffer.length - this.#at;
      const count = left < BigInt(here) ? Number(left) : here;
      write(this.#buffer.subarray(this.#at, this.#at + count));
      this.#at += count;
      left -= BigInt(count);
    }
    await this.#padding(length);
  }

  async skipRest(): Promise<void> {
    while (!(await this.#chunks.next()).done);
  }

  async #padding(length: bigint): Promise<void> {
    const padding = await this.#take(Number((8n - (length % 8n)) % 8n));
    if (padding.some((byte) => byte !== 0)) throw malformed('its padding is not zero');
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#buffer.length - this.#at < count) await this.#more();
    this.#at += count;
    return this.#buffer.subarray(this.#at - count, this.#at);
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done) throw malformed('it ends too early');
    const rest = this.#buffer.subarray(this.#at);
    this.#buffer = rest.length === 0 ? Buffer.from(value) : Buffer.concat([rest, value]);
    this.#at = 0;
  }
}

function malformed(reason: string): BuilderError {
  return new BuilderError('archive-malformed', `Cannot read what Nix exported: ${reason}`);
}
