import { lstat, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readAtMost } from '../project.ts';
import {
  type CacheEntry,
  cacheEntry,
  entryName,
  invalidCache,
  MOST_ENTRIES,
  MOST_JSON_BYTES,
} from './cache-entry.ts';
import type { CacheReader } from './cache-format.ts';

/** Index of a cache in altee's own format; beside it stands `<kind>-<key>.tar` for each entry, and nothing else. */
export const INDEX_FILE = 'altee-cache.json';

const cacheIndex = z.strictObject({
  cacheVersion: z.literal(1),
  entries: z.array(cacheEntry).max(MOST_ENTRIES),
});

/** Writes the folder format: `tars` are the entries' tars in that folder already, by any name. */
export async function writeFolderFormat(
  folder: string,
  entries: readonly { readonly entry: CacheEntry; readonly tar: string }[],
): Promise<void> {
  for (const { entry, tar } of entries) await rename(tar, join(folder, tarName(entry)));
  await writeFile(join(folder, INDEX_FILE), encode(entries.map(({ entry }) => entry)));
}

/** Reads the folder format. Throws `bundle-invalid` for a malformed index, and for missing, extra and resized files. */
export async function readFolderFormat(path: string): Promise<CacheReader> {
  const bytes = await readAtMost(join(path, INDEX_FILE), MOST_JSON_BYTES + 1);
  if (bytes.length > MOST_JSON_BYTES) throw invalidCache(path, 'its index is too large');
  const text = Buffer.from(bytes).toString('utf8');
  const { entries } = parse(path, text);
  if (encode(entries) !== text) throw invalidCache(path, 'its index is not written as altee writes it');
  const names = new Map(entries.map((entry) => [tarName(entry), entry]));
  if (names.size !== entries.length) throw invalidCache(path, 'its index names an entry twice');
  const present = new Set(await readdir(path));
  const extra = [...present].filter((name) => name !== INDEX_FILE && !names.has(name)).sort()[0];
  if (extra !== undefined)
    throw invalidCache(
      path,
      `it holds ${JSON.stringify(extra.slice(0, 120))}, which its index does not name`,
    );
  for (const [name, { tar }] of names) {
    if (!present.has(name)) throw invalidCache(path, `it lacks "${name}"`);
    const found = await lstat(join(path, name));
    if (!found.isFile()) throw invalidCache(path, `"${name}" is no regular file`);
    if (found.size !== tar.size)
      throw invalidCache(path, `"${name}" has ${found.size} bytes instead of ${tar.size}`);
  }
  return {
    blobs: entries.map(({ tar, ...entry }) => ({
      entry,
      tarSha256: tar.sha256,
      path: join(path, tarName(entry)),
      ...tar,
      gzip: false,
    })),
  };
}

function encode(entries: readonly CacheEntry[]): string {
  const index = {
    cacheVersion: 1,
    entries: entries.map(({ kind, key, digest, tar: { sha256, size } }) => ({
      kind,
      key,
      digest,
      tar: { sha256, size },
    })),
  };
  return `${JSON.stringify(index, undefined, 2)}\n`;
}

function tarName(entry: Pick<CacheEntry, 'kind' | 'key'>): string {
  return `${entryName(entry)}.tar`;
}

function parse(path: string, text: string): z.infer<typeof cacheIndex> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidCache(path, 'its index is no JSON');
  }
  const parsed = cacheIndex.safeParse(value);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw invalidCache(path, 'its index is malformed', { details });
}
