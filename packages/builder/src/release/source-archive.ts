import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, pack } from 'tar-stream';
import { BuilderError } from '../error.ts';
import { hostile } from '../root/entry-path.ts';

/** One entry of a source archive; `path` is relative, with `/`. */
export type ArchiveEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'file'; readonly path: string; readonly executable: boolean; readonly source: string };

/** Bounds of a source archive, above those of a source folder. */
const MAX_BYTES = 2 ** 30 + 2 ** 28;
const MAX_ENTRIES = 110_000;

/** Every entry below a folder whose modes are normalised, as if it stood at `prefix`. */
export async function entriesBelow(folder: string, prefix: string): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  const inside = (path: string) => posix.normalize(posix.join(prefix, path));
  await visit('');
  return entries;

  async function visit(parent: string): Promise<void> {
    for (const name of await readdir(join(folder, parent))) {
      const path = posix.join(parent, name);
      const source = join(folder, path);
      const stat = await lstat(source);
      if (stat.isDirectory()) {
        entries.push({ kind: 'directory', path: inside(path) });
        await visit(path);
      } else if (stat.isSymbolicLink()) {
        entries.push({ kind: 'link', path: inside(path), target: await readlink(source) });
      } else {
        entries.push({ kind: 'file', path: inside(path), executable: (stat.mode & 0o100) !== 0, source });
      }
    }
  }
}

/**
 * Writes the entries as a tar archive: sorted by path, one time for all, no owner, missing parent folders added. The same
 * entries give the same bytes.
 */
export async function writeSourceArchive(
  file: string,
  entries: readonly ArchiveEntry[],
  time: Date,
): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createWriteStream(file, { mode: 0o644 }));
  const all = withParents(entries);
  const add = async () => {
    const common = { mtime: time, uid: 0, gid: 0, uname: '', gname: '' };
    for (const entry of all) {
      const name = entry.path;
      if (entry.kind === 'directory') {
        tar.entry({ ...common, name: `${name}/`, type: 'directory', mode: 0o755 });
      } else if (entry.kind === 'link') {
        tar.entry({ ...common, name, type: 'symlink', linkname: entry.target, mode: 0o777 });
      } else {
        const { size } = await lstat(entry.source);
        const mode = entry.executable ? 0o755 : 0o644;
        await pipeline(createReadStream(entry.source), tar.entry({ ...common, name, size, mode }));
      }
    }
    tar.finalize();
  };
  await Promise.all([written, add()]);
}

/**
 * Unpacks a source archive into the empty folder `dir`. Throws `archive-hostile` for all that altee writes into none:
 * absolute paths, `..`, a path through a link, links that lead out, the same path twice, special files, names of the
 * project's own files, or more than the bounds; `archive-malformed` for what is no tar archive.
 */
export async function unpackSourceArchive(
  file: string,
  dir: string,
  reserved: readonly string[],
): Promise<void> {
  const tar = extract();
  const folders = new Set(['.']);
  const seen = new Set<string>();
  const links: { path: string; target: string }[] = [];
  let bytes = 0;
  // What fails first ends the other, and is what is thrown.
  const flowing = pipeline(createReadStream(file), tar).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    for await (const entry of tar) {
      const { name, type, size, mode, linkname } = entry.header;
      const path = checkedPath(name, file);
      bytes += size;
      if (seen.has(path)) throw hostile(file, `"${path}" is there twice`);
      if (reserved.includes(path)) throw hostile(file, `"${path}" is a file of the release's own`);
      if (!folders.has(dirname(path))) throw hostile(file, `"${path}" is in no folder of the archive`);
      if (seen.size >= MAX_ENTRIES) throw hostile(file, `it has more than ${MAX_ENTRIES} entries`);
      if (bytes > MAX_BYTES) throw hostile(file, `it has more than ${MAX_BYTES} bytes`);
      seen.add(path);
      if (type === 'directory' && size === 0) {
        await mkdir(join(dir, path), { mode: 0o755 });
        folders.add(path);
        entry.resume();
      } else if (type === 'symlink' && size === 0) {
        links.push({ path, target: checkedTarget(path, linkname ?? '', file) });
        entry.resume();
      } else if (type === 'file') {
        await pipeline(entry, createWriteStream(join(dir, path), { flags: 'wx' }));
        await chmod(join(dir, path), (mode & 0o100) === 0 ? 0o644 : 0o755);
      } else {
        throw hostile(file, `"${path}" is neither a file, a folder nor a symbolic link`);
      }
    }
    const failure = await flowing;
    if (failure !== undefined) throw failure;
  } catch (error) {
    if (error instanceof BuilderError || (error instanceof Error && 'syscall' in error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new BuilderError('archive-malformed', `Cannot unpack "${file}": ${why}`, { cause: error });
  }
  // Last, so that no path of the archive leads through one.
  for (const { path, target } of links) await symlink(target, join(dir, path));
}

/** A file of the release that stands in the project's folder. */
export async function placeFile(dir: string, name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(dir, name), bytes, { flag: 'wx', mode: 0o644 });
}

function withParents(entries: readonly ArchiveEntry[]): ArchiveEntry[] {
  const byPath = new Map<string, ArchiveEntry>();
  for (const entry of entries) {
    for (let parent = dirname(entry.path); parent !== '.'; parent = dirname(parent)) {
      if (!byPath.has(parent)) byPath.set(parent, { kind: 'directory', path: parent });
    }
    if (entry.path !== '.') byPath.set(entry.path, entry);
  }
  // By parts: a folder comes before what is in it, whatever its neighbours are called.
  const key = ({ path }: ArchiveEntry) => Buffer.from(path.replaceAll('/', '\0'));
  return [...byPath.values()].sort((a, b) => Buffer.compare(key(a), key(b)));
}

function checkedPath(name: string, archive: string): string {
  const path = name.replace(/\/$/, '');
  const parts = path.split('/');
  if (/[\p{Cc}\ufffd\\]/u.test(path) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw hostile(archive, `${JSON.stringify(name)} is no plain path`);
  }
  return path;
}

function checkedTarget(path: string, target: string, archive: string): string {
  const reached = posix.normalize(posix.join(dirname(path), target));
  if (target === '' || target.startsWith('/') || reached === '..' || reached.startsWith('../')) {
    throw hostile(archive, `link "${path}" to ${JSON.stringify(target)} leads out`);
  }
  return target;
}
