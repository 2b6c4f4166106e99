import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readAtMost } from '../project.ts';
import { ifPresent } from '../store/errno.ts';
import { invalidBundle, type OpenBundle, shown } from './bundle.ts';
import { INDEX_NAME, MOST_INDEX_BYTES } from './bundle-index.ts';

/** A bundle as a folder; undefined for a folder without an index. */
export async function openBundleFolder(path: string): Promise<OpenBundle | undefined> {
  const index = await ifPresent(lstat(join(path, INDEX_NAME)));
  if (index === undefined) return undefined;
  if (!index.isFile()) throw invalidBundle(path, `its index "${INDEX_NAME}" is no regular file`);
  if (index.size > MOST_INDEX_BYTES) throw invalidBundle(path, `its index has ${index.size} bytes`);
  const indexText = Buffer.from(await readAtMost(join(path, INDEX_NAME), MOST_INDEX_BYTES)).toString('utf8');
  return {
    indexText,
    checkMembers: async (members) => {
      const names = new Set(members.map(({ name }) => name));
      const present = new Set(await readdir(path));
      const extra = [...present].filter((name) => name !== INDEX_NAME && !names.has(name)).sort();
      if (extra[0] !== undefined)
        throw invalidBundle(path, `it holds ${shown(extra[0])}, which its index does not name`);
      for (const { name, size } of members) {
        if (!present.has(name)) throw invalidBundle(path, `it lacks ${shown(name)}`);
        const found = await lstat(join(path, name));
        if (!found.isFile()) throw invalidBundle(path, `${shown(name)} is no regular file`);
        if (found.size !== size)
          throw invalidBundle(path, `${shown(name)} has ${found.size} bytes instead of ${size}`);
      }
    },
    // One more than it should have: a file that grows meanwhile is noticed, and not read for ever.
    read: ({ name, size }) => createReadStream(join(path, name), { end: size, highWaterMark: 1 << 20 }),
  };
}
