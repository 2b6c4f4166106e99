import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import { hasCode } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import { writeAt, writeFileAtomically } from './atomic-file.ts';
import { isUnicodeText } from './text.ts';

export const SUMS_FILE = 'SHA256SUMS';

/**
 * Writes `SHA256SUMS` over every file below `folder`, sorted by path, as `sha256sum -c` reads it (coreutils:
 * digest, two spaces, path); gives its text. Throws `image-invalid` for a name that the format can't hold
 * plainly, and for what is no regular file.
 */
export async function writeSums(folder: string): Promise<string> {
  const lines: string[] = [];
  for (const path of await filesBelow(folder)) {
    const { sha256 } = await hashFile(join(folder, path));
    lines.push(`${sha256.slice('sha256:'.length)}  ${path}\n`);
  }
  const text = lines.join('');
  await writeFileAtomically(join(folder, SUMS_FILE), (file) => writeAt(file, Buffer.from(text), 0));
  return text;
}

/** One file of a folder that is not as its `SHA256SUMS` says. */
export interface SumsDifference {
  readonly path: string;
  readonly problem: 'missing' | 'different' | 'unlisted';
}

/**
 * Compares a folder with its `SHA256SUMS`; empty when they agree in every file. Throws `image-invalid` when there
 * is none, or it isn't one.
 */
export async function verifySums(folder: string): Promise<SumsDifference[]> {
  const listed = parseSums(await readSums(folder), join(folder, SUMS_FILE));
  const present = new Set(await filesBelow(folder));
  const differences: SumsDifference[] = [];
  for (const [path, sha256] of listed) {
    if (!present.delete(path)) differences.push({ path, problem: 'missing' });
    else if ((await hashFile(join(folder, path))).sha256 !== sha256)
      differences.push({ path, problem: 'different' });
  }
  for (const path of present) differences.push({ path, problem: 'unlisted' });
  return differences;
}

/** Path → `sha256:` digest, in the file's order. `file` is named in errors. */
export function parseSums(text: string, file: string): Map<string, string> {
  const sums = new Map<string, string>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw invalid(`"${file}" doesn't end with a line break`);
  lines.forEach((line, i) => {
    const [, digest, path] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (digest === undefined || path === undefined || !isPlainPath(path)) {
      throw invalid(`"${file}" line ${i + 1} is not a digest, two spaces and a path below the folder`);
    }
    if (sums.has(path)) throw invalid(`"${file}" line ${i + 1} names "${path}" a second time`);
    sums.set(path, `sha256:${digest}`);
  });
  return sums;
}

async function readSums(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, SUMS_FILE), 'utf8');
  } catch (cause) {
    const why = hasCode(cause, 'ENOENT') ? 'there is no such file' : 'it cannot be read';
    throw new BuilderError('image-invalid', `Cannot read "${join(folder, SUMS_FILE)}": ${why}`, { cause });
  }
}

/** Paths relative to `folder`, sorted by their bytes; `SHA256SUMS` itself left out. */
async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  await visit('');
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  async function visit(prefix: string): Promise<void> {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      const path = `${prefix}${entry.name}`;
      if (path === SUMS_FILE) continue;
      // sha256sum escapes backslashes and line breaks; no file of ours has them.
      if (!isPlainPath(path))
        throw invalid(`the file name ${JSON.stringify(path)} can't stand in ${SUMS_FILE}`);
      if (entry.isDirectory()) await visit(`${path}/`);
      else if (entry.isFile()) paths.push(path);
      else throw invalid(`"${join(folder, path)}" is no regular file`);
    }
  }
}

function isPlainPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const plain = !/[\\\u0000-\u001f\u007f\ufffd]/.test(path) && isUnicodeText(path);
  return plain && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function invalid(what: string): BuilderError {
  return new BuilderError('image-invalid', `Cannot use the checksums: ${what}`);
}
