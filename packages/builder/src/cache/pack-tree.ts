import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';

/** The same for the same tree wherever it is packed: no owner, no time, one of two modes. */
const PLAIN = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) } as const;

/** Size and digest of a file that was written. */
export interface Packed {
  readonly sha256: string;
  readonly size: number;
}

/**
 * Packs the named parts of a folder (files, or folders with all below them) into one tar. Entries stand in the order of
 * their names, so that the same content gives the same bytes.
 */
export async function packTree(
  folder: string,
  parts: readonly string[],
  to: string,
  onBytes: (bytes: number) => void = () => {},
): Promise<Packed> {
  const tar = pack();
  const hash = createHash('sha256');
  let size = 0;
  const meter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  const written = pipeline(tar as unknown as Readable, meter, createWriteStream(to));
  // Handled below; until then it must not count as unhandled.
  written.catch(() => {});
  try {
    for (const part of parts) await addEntry(tar, folder, part);
    tar.finalize();
  } catch (error) {
    tar.destroy(error as Error);
    throw error;
  }
  await written;
  return { sha256: `sha256:${hash.digest('hex')}`, size };
}

async function addEntry(tar: Pack, folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  const stat = lstatSync(path);
  if (stat.isDirectory()) {
    tar.entry({ ...PLAIN, name: `${name}/`, type: 'directory', mode: 0o755 });
    for (const child of readdirSync(path).sort()) await addEntry(tar, folder, `${name}/${child}`);
  } else if (stat.isSymbolicLink()) {
    tar.entry({ ...PLAIN, name, type: 'symlink', linkname: readlinkSync(path), mode: 0o777 });
  } else {
    const mode = (stat.mode & 0o100) === 0 ? 0o644 : 0o755;
    const sink = tar.entry({ ...PLAIN, name, type: 'file', mode, size: stat.size }) as unknown as Writable;
    if (stat.size === 0) return void sink.end();
    await pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), sink);
  }
}
