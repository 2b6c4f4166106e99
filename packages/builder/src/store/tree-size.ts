import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Bytes of the regular files in a folder that only this folder holds: a file that is hard linked to one outside
 * of it is not counted, one that is linked within it counts once.
 */
export function treeSize(path: string): number {
  const linked = new Map<number, { size: number; missing: number }>();
  let bytes = 0;
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const child = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(child);
      if (!entry.isFile()) continue;
      const { nlink, ino, size } = lstatSync(child);
      if (nlink === 1) bytes += size;
      else linked.set(ino, { size, missing: (linked.get(ino)?.missing ?? nlink) - 1 });
    }
  }
  for (const { size, missing } of linked.values()) if (missing === 0) bytes += size;
  return bytes;
}
