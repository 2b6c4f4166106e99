import { describe, expect, it } from 'vitest';
import type { FatEntry, FatFileSystem } from '../../src/disk/fat.ts';
import { readSideFiles } from '../../src/disk/read-side-files.ts';

/** As much of a file system as is asked for: path → contents, folders by what is in them. */
function fileSystem(files: Readonly<Record<string, string>>): Pick<FatFileSystem, 'list' | 'read'> {
  const inFolder = (folder: string) => {
    const names = Object.keys(files).flatMap((path) => {
      const [name, ...deeper] = path.startsWith(`${folder}\\`)
        ? path.slice(folder.length + 1).split('\\')
        : [];
      return name === undefined ? [] : [{ name, isFolder: deeper.length > 0 }];
    });
    return names.map(({ name, isFolder }): FatEntry => ({ name, isFolder, size: 0, firstCluster: 0 }));
  };
  return {
    list: (folder) => (inFolder(folder).length > 0 ? inFolder(folder) : undefined),
    read: (path) => new TextEncoder().encode(files[path]),
  };
}

describe('readSideFiles()', () => {
  it('reads what a stub may take, and nothing else', () => {
    const files = {
      '\\EFI\\Linux\\a.efi': 'image',
      '\\EFI\\Linux\\a.efi.extra.d\\key.cred': 'own',
      '\\EFI\\Linux\\b.efi.extra.d\\key.cred': 'of another image',
      '\\loader\\random-seed': 'seed',
      '\\loader\\addons\\x.addon.efi': 'addon',
      '\\loader\\credentials\\g.cred': 'global',
      '\\loader\\extensions\\e.raw': 'extension',
      '\\loader\\entries\\deeper\\y': 'entry',
      '\\other\\file': 'other',
    };
    const found = readSideFiles(fileSystem(files) as FatFileSystem, '\\EFI\\Linux\\a.efi');
    expect(Object.keys(found).sort()).toEqual([
      '\\EFI\\Linux\\a.efi.extra.d\\key.cred',
      '\\loader\\addons\\x.addon.efi',
      '\\loader\\credentials\\g.cred',
      '\\loader\\extensions\\e.raw',
      '\\loader\\random-seed',
    ]);
    expect(found['\\loader\\random-seed']).toEqual(new TextEncoder().encode('seed'));
  });

  it('finds nothing where nothing is', () => {
    expect(readSideFiles(fileSystem({}) as FatFileSystem, '\\a.efi')).toEqual({});
  });
});
