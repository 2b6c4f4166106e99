import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract, extract } from 'tar-stream';
import { BuilderError } from '../error.ts';
import { explainDiskFull } from '../store/errno.ts';
import { entryPath, hostile, mergedDirectories } from './entry-path.ts';
import type { ListedEntry } from './listing.ts';
import { TreeWriter } from './tree-writer.ts';

/** Bounds of an archive; one that passes them is refused. */
export interface UnpackLimits {
  /** Of all regular files together. */
  readonly bytes: number;
  readonly entries: number;
}

/**
 * Unpacks a tar stream into the empty folder `dir` and gives what is there: directories, regular files, symbolic
 * and hard links (a hard link is listed as the file that it is). Owners, times and set-ID bits are dropped, modes
 * become 755 or 644, paths are merged into `usr`.
 *
 * Throws `archive-hostile` for absolute paths, `..`, a path through a symbolic link, links that lead out of the
 * root or to what is not there, devices and pipes, and more than `limits`; `archive-malformed` for what is no tar
 * archive. `archive` names it in errors.
 */
export async function untar(
  source: Readable,
  dir: string,
  archive: string,
  limits: UnpackLimits,
): Promise<ListedEntry[]> {
  const tar = extract();
  const writer = new TreeWriter(dir, archive);
  let bytes = 0;
  let entries = 0;
  const flowing = pipeline(source, bounded(archive, limits), tar).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    for await (const entry of tar) {
      const { size, name } = entry.header;
      bytes += size;
      entries += 1;
      if (entries > limits.entries) throw hostile(archive, `it has more than ${limits.entries} entries`);
      if (bytes > limits.bytes) throw hostile(archive, `"${name}" brings it above ${limits.bytes} bytes`);
      await unpackEntry(entry, writer, archive);
    }
    const failure = await flowing;
    if (failure !== undefined) throw failure;
  } catch (error) {
    throw explain(error, archive, dir);
  }
  return writer.entries();
}

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

async function unpackEntry(entry: Entry, writer: TreeWriter, archive: string): Promise<void> {
  const { name, type, mode, size } = entry.header;
  // tar-stream gives null for a type that it does not know, and for an empty target.
  const kind = type ?? 'thing of unknown type';
  const linkname = entry.header.linkname ?? '';
  if (type !== 'file' && size > 0) throw hostile(archive, `"${name}" is a ${kind} with content`);
  if (hasSparseMap(entry)) throw hostile(archive, `"${name}" is a sparse file`);
  const path = entryPath(name, archive);
  const merged = mergedDirectories[path];
  switch (type) {
    case 'directory':
      if (path !== '') writer.directory(merged ?? path);
      break;
    case 'file':
      await writer.file(path, (mode & 0o111) === 0 ? '644' : '755', entry as AsyncIterable<Uint8Array>);
      return;
    case 'symlink':
      // base-files ships the links that every root has anyway.
      if (merged === undefined || merged !== linkname) writer.symlink(path, linkname);
      break;
    case 'link':
      writer.hardLink(path, entryPath(linkname, archive));
      break;
    default:
      throw hostile(archive, `"${name}" is a ${kind}`);
  }
  entry.resume();
}

/** Lets no more pass than an archive within the limits can have: one could go on with empty blocks for ever. */
function bounded(archive: string, { bytes, entries }: UnpackLimits): Transform {
  // Each entry has a header and padding, perhaps a pax header with names of PATH_MAX.
  let left = bytes + entries * 4096 + 2 ** 20;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      left -= chunk.length;
      if (left < 0) done(hostile(archive, `it unpacks to more than ${bytes} bytes`));
      else done(null, chunk);
    },
  });
}

/** GNU tar writes sparse files as pax headers and a map in front of the content. */
function hasSparseMap({ header }: Entry): boolean {
  const { pax } = header;
  return (
    typeof pax === 'object' && pax !== null && Object.keys(pax).some((key) => key.startsWith('GNU.sparse'))
  );
}

function explain(error: unknown, archive: string, dir: string): unknown {
  const known = explainDiskFull(error, dir);
  if (known instanceof BuilderError || (error instanceof Error && 'syscall' in error)) return known;
  const reason = error instanceof Error ? error.message : String(error);
  return new BuilderError('archive-malformed', `Cannot unpack "${archive}": ${reason}`, {
    hint: 'Remove it from the store with "altee cache verify" and fetch it again',
    cause: error,
  });
}
