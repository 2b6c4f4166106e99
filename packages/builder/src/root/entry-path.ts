import { BuilderError } from '../error.ts';

/**
 * Directories that are links into `usr` in every root (Debian 12 release notes §5.1.2, "merged-/usr"): what a package has
 * below them goes below `usr`.
 */
export const mergedDirectories: Readonly<Record<string, string>> = {
  bin: 'usr/bin',
  sbin: 'usr/sbin',
  lib: 'usr/lib',
  lib64: 'usr/lib64',
};

/** PATH_MAX and NAME_MAX of Linux (limits.h). */
const PATH_MAX = 4096;
const NAME_MAX = 255;

/**
 * The path of an archive's entry relative to the root, without `./` and trailing `/`, merged into `usr`; empty for the
 * root itself. Throws `archive-hostile` for one that is absolute, holds `..`, or can't be a portable name.
 */
export function entryPath(name: string, archive: string): string {
  checkText(name, archive, 'path');
  if (name.startsWith('/')) throw hostile(archive, `entry "${name}" has an absolute path`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw hostile(archive, `entry "${name}" leads out of the root through ".."`);
  const [first = '', ...rest] = parts;
  const merged = Object.hasOwn(mergedDirectories, first) ? mergedDirectories[first] : undefined;
  return merged === undefined || rest.length === 0 ? parts.join('/') : [merged, ...rest].join('/');
}

/**
 * Throws `archive-hostile` for a symbolic link whose relative target leads out of the root. An absolute target is
 * relative to the root for every program that runs in it (and must be so for whoever reads the root from outside:
 * see `resolveInRoot`).
 */
export function checkLinkTarget(path: string, target: string, archive: string): void {
  checkText(target, archive, 'link target');
  if (target === '') throw hostile(archive, `link "${path}" has no target`);
  let depth = target.startsWith('/') ? 0 : path.split('/').length - 1;
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    depth += part === '..' ? -1 : 1;
    if (depth < 0) throw hostile(archive, `link "${path}" to "${target}" leads out of the root`);
  }
}

function checkText(text: string, archive: string, what: string): void {
  // The replacement character stands where a name was not UTF-8: two such names could be one.
  if (/[\p{Cc}\ufffd]/u.test(text)) {
    throw hostile(archive, `${what} ${JSON.stringify(text)} holds a control character or is not UTF-8`);
  }
  if (Buffer.byteLength(text) >= PATH_MAX || text.split('/').some((p) => Buffer.byteLength(p) > NAME_MAX)) {
    throw hostile(archive, `${what} "${text.slice(0, 60)}…" is longer than a file system allows`);
  }
}

/** An archive that no builder of packages makes. */
export function hostile(archive: string, reason: string): BuilderError {
  return new BuilderError('archive-hostile', `Refused to unpack "${archive}": ${reason}`, {
    hint: 'Do not use this file; report it to whoever published it',
  });
}
