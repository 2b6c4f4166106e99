import { readFile } from 'node:fs/promises';
import type { Root } from '../executor/executor.ts';
import { resolveInRoot } from '../root/resolve-in-root.ts';

/** Short names of Debian's machine-readable copyright files (copyright-format 1.0, §7.1) that have an SPDX identifier. */
const SPDX: Readonly<Record<string, string>> = {
  'apache-2.0': 'Apache-2.0',
  'apache-2': 'Apache-2.0',
  'bsd-2-clause': 'BSD-2-Clause',
  'bsd-3-clause': 'BSD-3-Clause',
  'bsl-1.0': 'BSL-1.0',
  'cc0-1.0': 'CC0-1.0',
  curl: 'curl',
  expat: 'MIT',
  'gpl-2': 'GPL-2.0-only',
  'gpl-2.0': 'GPL-2.0-only',
  'gpl-2+': 'GPL-2.0-or-later',
  'gpl-2.0+': 'GPL-2.0-or-later',
  'gpl-3': 'GPL-3.0-only',
  'gpl-3+': 'GPL-3.0-or-later',
  'gpl-3.0+': 'GPL-3.0-or-later',
  isc: 'ISC',
  'lgpl-2': 'LGPL-2.0-only',
  'lgpl-2+': 'LGPL-2.0-or-later',
  'lgpl-2.1': 'LGPL-2.1-only',
  'lgpl-2.1+': 'LGPL-2.1-or-later',
  'lgpl-3': 'LGPL-3.0-only',
  'lgpl-3+': 'LGPL-3.0-or-later',
  'lgpl-3.0+': 'LGPL-3.0-or-later',
  mit: 'MIT',
  'mpl-2.0': 'MPL-2.0',
  unlicense: 'Unlicense',
  zlib: 'Zlib',
};

/** A licence as CycloneDX writes it: an SPDX identifier where there is one, else its name. */
export type Licence = { readonly id: string } | { readonly name: string };

/** Debian's copyright files are below a megabyte, the kernel's too. */
const MAX_CHARACTERS = 4 * 2 ** 20;

/**
 * The licences that a package's copyright file names, each once, in code unit order; undefined where the package has no
 * such file in the root, or one that is not machine-readable.
 */
export async function licencesOf(root: Root, packageName: string): Promise<Licence[] | undefined> {
  const text = await resolveInRoot(root.path, `usr/share/doc/${packageName}/copyright`)
    .then((path) => readFile(path, 'utf8'))
    .catch(() => undefined);
  return text === undefined ? undefined : parseCopyright(text.slice(0, MAX_CHARACTERS));
}

/** The licences in the text of a copyright file; undefined where it is not machine-readable. */
export function parseCopyright(text: string): Licence[] | undefined {
  if (!/^Format(?:-Specification)?:\s*\S/im.test(text.slice(0, 2000))) return undefined;
  const names = [...text.matchAll(/^License:[ \t]*([^\n]+)$/gim)].map(([, name = '']) => name.trim());
  const licences = new Map<string, Licence>();
  for (const name of names.filter((one) => one !== '')) {
    const id = SPDX[name.toLowerCase()];
    licences.set(id ?? name, id === undefined ? { name } : { id });
  }
  if (licences.size === 0) return undefined;
  return [...licences].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, licence]) => licence);
}
