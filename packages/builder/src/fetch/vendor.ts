import { constants, copyFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifPresent } from '../store/errno.ts';
import { hashFile } from '../store/hash-file.ts';
import type { Wanted } from './receive.ts';

/**
 * Copies the wanted file from the first vendor folder that has it, under one of `names`. False if none has. A file of
 * such a name with other content is told to `onWrong` and left alone.
 */
export async function copyFromVendor(
  vendorDirs: readonly string[],
  names: readonly string[],
  wanted: Wanted,
  destination: string,
  onWrong: (path: string, sha256: string) => void,
): Promise<boolean> {
  for (const path of vendorDirs.flatMap((dir) => names.map((name) => join(dir, name)))) {
    if (!(await ifPresent(stat(path)))?.isFile()) continue;
    await copyFile(path, destination, constants.COPYFILE_FICLONE);
    const { sha256 } = await hashFile(destination);
    if (sha256 === `sha256:${wanted.hex}`) return true;
    onWrong(path, sha256);
  }
  return false;
}

/** The names under which a vendor folder may hold a file: its own, those at its origins, its digest. */
export function vendorNames(name: string, origins: readonly string[], hex: string): string[] {
  const names = [name, ...origins.map((origin) => decoded(basename(origin.replace(/[?#].*$/, '')))), hex];
  return [...new Set(names)].filter((one) => one !== '' && one !== '.' && one !== '..' && !/[/\0]/.test(one));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
