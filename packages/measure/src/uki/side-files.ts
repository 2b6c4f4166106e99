/** Files of the image's own file system, by path: `EFI/BOOT/BOOTX64.EFI.extra.d/key.cred`, with `/` or `\`. */
export type SideFiles = Readonly<Record<string, Uint8Array>>;

/** A file in a folder. */
export interface SideFile {
  readonly name: string;
  readonly contents: Uint8Array;
}

/** The most that a name may have on Linux; the stub passes longer ones by. */
const maxNameLength = 255;

/**
 * The files in one folder that the stub looks at, in its order: by UTF-16 code units of their names. Hidden ones, names
 * outside ASCII and folders are left out (systemd src/boot/cpio.c `pack_cpio`). FAT finds folders in either case.
 */
export function listSideFiles(files: SideFiles, folder: string): SideFile[] {
  const wanted = pathParts(folder).join('\\').toLowerCase();
  return Object.entries(files)
    .flatMap(([path, contents]): SideFile[] => {
      const parts = pathParts(path);
      const name = parts.pop() ?? '';
      return parts.join('\\').toLowerCase() === wanted && isTaken(name) ? [{ name, contents }] : [];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The folder of the files for one image only (systemd src/boot/util.c `get_extra_dir`). */
export function ownFolder(imagePath: string): string {
  return `${imagePath}.extra.d`;
}

function isTaken(name: string): boolean {
  const isAscii = Array.from(name).every((character) => character <= '\x7f');
  return !name.startsWith('.') && name.length <= maxNameLength && isAscii;
}

function pathParts(path: string): string[] {
  return path.split(/[\\/]/).filter((part) => part !== '');
}
