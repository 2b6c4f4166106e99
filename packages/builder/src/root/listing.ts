import { BuilderError } from '../error.ts';

/** A directory, regular file or symbolic link of a root file system; `path` is relative, without `.` and `..`. */
export type ListedEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: DirectoryMode }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: FileMode;
      /** Bytes. */
      readonly size: number;
      /** 64 lower-case hex digits. */
      readonly sha256: string;
    }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string };

export type DirectoryMode = '755' | '1777';
export type FileMode = '644' | '755';

/** First line of every listing: names the format. */
const HEADER = 'altee-listing-v1';

/**
 * The text form of a listing; its SHA-256 is the digest of the file system.
 *
 * UTF-8, a line an entry, fields separated by one tab, sorted by the bytes of the path, after the line
 * `altee-listing-v1`:
 *
 *     d <mode> <path>
 *     f <mode> <size in bytes> <sha256> <path>
 *     l <target> <path>
 *
 * Modes are 755 or 1777 for directories, 755 (some execute bit set) or 644 for files. The root directory itself,
 * owners, times and hard links are not listed. Paths and targets hold no control characters.
 */
export function encodeListing(entries: readonly ListedEntry[]): string {
  return `${[HEADER, ...entries.toSorted(byPath).map(encodeEntry)].join('\n')}\n`;
}

/** The entries of a listing that altee wrote; throws `store-corrupt` for anything else. */
export function parseListing(text: string, file: string): ListedEntry[] {
  const [header, ...lines] = text.split('\n');
  if (header !== HEADER || lines.pop() !== '') throw corrupt(file, 1);
  return lines.map((line, index) => parseEntry(line) ?? fail(corrupt(file, index + 2)));
}

function encodeEntry(entry: ListedEntry): string {
  switch (entry.type) {
    case 'directory':
      return `d\t${entry.mode}\t${entry.path}`;
    case 'file':
      return `f\t${entry.mode}\t${entry.size}\t${entry.sha256}\t${entry.path}`;
    case 'symlink':
      return `l\t${entry.target}\t${entry.path}`;
  }
}

function parseEntry(line: string): ListedEntry | undefined {
  const [type, ...fields] = line.split('\t');
  if (type === 'd' && fields.length === 2) {
    const [mode, path = ''] = fields;
    return mode === '755' || mode === '1777' ? { type: 'directory', path, mode } : undefined;
  }
  if (type === 'f' && fields.length === 4) {
    const [mode, size, sha256 = '', path = ''] = fields;
    return mode === '644' || mode === '755'
      ? { type: 'file', path, mode, size: Number(size), sha256 }
      : undefined;
  }
  const [target = '', path = ''] = fields;
  return type === 'l' && fields.length === 2 ? { type: 'symlink', path, target } : undefined;
}

/** Order by the UTF-8 bytes of the path. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  // UTF-16 code units, which `<` compares, are in the order of the bytes except next to surrogates.
  if (SURROGATE.test(a.path) || SURROGATE.test(b.path)) {
    return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
  }
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

const SURROGATE = /[\ud800-\udfff]/;

function corrupt(file: string, line: number): BuilderError {
  return new BuilderError('store-corrupt', `Cannot read "${file}": line ${line} is no line of a listing`, {
    hint: 'Something changed the store; remove it with "altee cache prune --all" and build again',
  });
}

function fail(error: Error): never {
  throw error;
}
