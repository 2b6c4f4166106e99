import { ownFolder, type SideFiles } from '../uki/side-files.ts';
import type { FatFileSystem } from './fat.ts';

/** Folders that a stub looks into, beside the one of the image's own. */
const folders = ['\\loader', '\\loader\\addons', '\\loader\\credentials', '\\loader\\extensions'];

/** The files beside an image that its stub may take. Throws what reading the file system throws. */
export function readSideFiles(fileSystem: FatFileSystem, imagePath: string): SideFiles {
  const files: Record<string, Uint8Array> = {};
  for (const folder of [...folders, ownFolder(imagePath)]) {
    for (const { name, isFolder } of fileSystem.list(folder) ?? []) {
      if (!isFolder) files[`${folder}\\${name}`] = fileSystem.read(`${folder}\\${name}`);
    }
  }
  return files;
}
