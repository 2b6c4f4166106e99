import { MeasureError } from '../error.ts';
import { type PeImage, readPe } from '../pe/image.ts';
import { loadedBytes, loadSection } from '../pe/section.ts';
import { stubText } from './command-line.ts';
import type { StubRules } from './rules.ts';
import { findUkiSection } from './sections.ts';
import { listSideFiles, ownFolder, type SideFiles } from './side-files.ts';

/** A file `*.addon.efi` that the stub has firmware load. */
export interface Addon {
  readonly path: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly pe: PeImage;
  /** For all images, or for this one. */
  readonly scope: 'global' | 'own';
  /** What the stub takes of it; nothing of one that is made for another kernel, or holds one. */
  readonly commandLine: string | undefined;
  readonly initrd: Uint8Array | undefined;
  readonly microcode: Uint8Array | undefined;
}

const globalFolder = '\\loader\\addons';

/**
 * The addons that the stub loads, in its order: those for all images, then those for this one (systemd src/boot/stub.c
 * `load_addons`). Throws a `MeasureError` for one that is no PE file, and `unsupported` for one with a device tree.
 */
export function findAddons(
  files: SideFiles,
  imagePath: string,
  rules: StubRules,
  uname: Uint8Array | undefined,
): Addon[] {
  if (rules.addons === 'ignored') return [];
  const scopes = [
    ['global', globalFolder],
    ['own', ownFolder(imagePath)],
  ] as const;
  return scopes.flatMap(([scope, folder]) =>
    listSideFiles(files, folder)
      .filter(({ name }) => name.toLowerCase().endsWith('.addon.efi'))
      .map(({ name, contents }) => readAddon(`${folder}\\${name}`, name, contents, scope, rules, uname)),
  );
}

function readAddon(
  path: string,
  name: string,
  bytes: Uint8Array,
  scope: Addon['scope'],
  rules: StubRules,
  uname: Uint8Array | undefined,
): Addon {
  const pe = readPe(bytes);
  const section = (wanted: string): Uint8Array | undefined => {
    const found = findUkiSection(pe, rules, wanted);
    return found && loadedBytes(loadSection(bytes, found));
  };
  const addon = { path, name, bytes, pe, scope };
  const nothing = { commandLine: undefined, initrd: undefined, microcode: undefined };
  const own = section('.uname');
  if (section('.linux') || (uname && own && !sameName(uname, own))) return { ...addon, ...nothing };
  for (const unknown of ['.dtb', '.dtbauto']) {
    if (section(unknown))
      throw new MeasureError(
        'unsupported',
        `Addon "${path}" holds a device tree, for which there are no rules`,
      );
  }
  const commandLine = section('.cmdline');
  return {
    ...addon,
    commandLine: commandLine && stubText(commandLine, `".cmdline" of "${path}"`),
    initrd: rules.addonInitrds ? section('.initrd') : undefined,
    microcode: rules.addonInitrds ? section('.ucode') : undefined,
  };
}

/** Compares up to the addon's length or a NUL in both: `6.1` fits `6.12.0`. */
function sameName(uname: Uint8Array, addon: Uint8Array): boolean {
  for (const [index, byte] of addon.entries()) {
    if (byte !== (uname[index] ?? 0)) return false;
    if (byte === 0) return true;
  }
  return true;
}
