import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import type { CpioEntry } from './cpio-entry.ts';

/**
 * The content of `folder` as entries below `prefix` (`app`), which itself is not among them. Everything belongs to
 * root; directories have mode 755, files 755 where their owner may run them and else 644: who built the folder,
 * and under which umask, doesn't show. Symbolic links are kept as they are, not followed. Throws `app-unusable`
 * for sockets, FIFOs, devices and names that aren't UTF-8.
 */
export async function treeEntries(folder: string, prefix: string): Promise<CpioEntry[]> {
  const entries: CpioEntry[] = [];
  for (const { name } of await readdir(folder, { withFileTypes: true })) {
    const [source, path] = [join(folder, name), `${prefix}/${name}`];
    // Node shows bytes that aren't UTF-8 as this character.
    if (name.includes('\ufffd')) throw unusable(path, 'its name is not UTF-8');
    const stat = await lstat(source);
    if (stat.isDirectory()) {
      entries.push({ kind: 'directory', path, mode: 0o755 }, ...(await treeEntries(source, path)));
    } else if (stat.isFile()) {
      entries.push({ kind: 'file', path, mode: (stat.mode & 0o100) === 0 ? 0o644 : 0o755, source });
    } else if (stat.isSymbolicLink()) {
      entries.push({ kind: 'symlink', path, target: await readlink(source) });
    } else {
      throw unusable(path, 'it is neither a file, a directory nor a symbolic link');
    }
  }
  return entries;
}

function unusable(path: string, why: string): BuilderError {
  return new BuilderError('app-unusable', `Cannot put ${JSON.stringify(`/${path}`)} into the image: ${why}`, {
    hint: 'Leave it out of $OUT',
  });
}
