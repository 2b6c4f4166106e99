import type { Suite } from '../../src/debian/archive.ts';
import { rootRecipes } from '../../src/lock/toolchain.ts';
import { below, type Mirror, startMirror } from '../debian/mirror.ts';
import { makeKey, sha256, suiteFiles } from '../debian/signed-archive.ts';
import { tinyDeb } from '../debian/tiny-deb.ts';
import type { Answer } from '../fetch/test-server.ts';

/** A package of the hand-made Debian: its version and what it needs. */
export interface TinyPackage {
  readonly version?: string;
  readonly depends?: string;
  readonly files?: Readonly<Record<string, string>>;
}

const key = await makeKey('Archive of the test');

/** The suites of the hand-made Debian, signed by a key of the test. */
export const tinySuites: readonly Suite[] = [
  { archive: 'debian', codename: 'trixie', label: 'Debian', keys: [key.archiveKey] },
  {
    archive: 'debian-security',
    codename: 'trixie-security',
    label: 'Debian-Security',
    keys: [key.archiveKey],
  },
];

/** What the lock reads of packages; everything else may be empty. */
const neededFiles: Readonly<Record<string, Record<string, string>>> = {
  'systemd-boot-efi': { 'usr/lib/systemd/boot/efi/linuxx64.efi.stub': 'stub' },
  ovmf: {
    'usr/share/OVMF/OVMF_CODE_4M.fd': 'code',
    'usr/share/OVMF/OVMF_CODE_4M.secboot.fd': 'code with Secure Boot',
    'usr/share/OVMF/OVMF_VARS_4M.fd': 'vars',
  },
};

/** Every package that a root wants, each alone, and these besides or instead. */
export function tinyPackages(
  changed: Readonly<Record<string, TinyPackage | undefined>> = {},
): Record<string, TinyPackage> {
  const names = Object.values(rootRecipes).flatMap(({ wanted }) => Object.keys(wanted));
  const all = { ...Object.fromEntries(names.map((name) => [name, {}])), ...changed };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, found]) => (found === undefined ? [] : [[name, found]])),
  );
}

/** The files of a mirror that carries these packages, by path. */
export async function tinyDebian(
  packages: Readonly<Record<string, TinyPackage>>,
  options: {
    readonly date: Date;
    readonly kernels?: readonly string[];
    readonly security?: Readonly<Record<string, TinyPackage>>;
  },
): Promise<Map<string, Uint8Array | Answer>> {
  const { date, kernels = ['6.12.107'], security = {} } = options;
  const main = await poolOf(packages);
  const updates = await poolOf(security);
  const sources = kernels.map((version) => {
    const name = `linux_${version}.orig.tar.xz`;
    return `Package: linux\nDirectory: pool/main/l/linux\nChecksums-Sha256:\n ${sha256(Buffer.from(name))} ${name.length} ${name}\n`;
  });
  const tarballs = kernels.map((version) => {
    const name = `linux_${version}.orig.tar.xz`;
    return [`pool/main/l/linux/${name}`, Buffer.from(name)] as const;
  });
  const suite = {
    key,
    date,
    label: 'Debian',
    codename: 'trixie',
    packages: main.index,
    sources: sources.join('\n'),
  };
  const securitySuite = {
    ...suite,
    label: 'Debian-Security',
    codename: 'trixie-security',
    packages: updates.index,
    sources: '',
  };
  return new Map([
    ...below('debian', new Map([...main.files, ...tarballs, ...(await suiteFiles(suite))])),
    ...below('debian-security', new Map([...updates.files, ...(await suiteFiles(securitySuite))])),
  ]);
}

export async function startTinyDebian(files: Map<string, Uint8Array | Answer>): Promise<Mirror> {
  return startMirror(files);
}

async function poolOf(packages: Readonly<Record<string, TinyPackage>>) {
  const files = new Map<string, Uint8Array>();
  const stanzas: string[] = [];
  for (const [name, { version = '1.0-1', depends, files: own }] of Object.entries(packages)) {
    const deb = await tinyDeb({
      [`usr/share/doc/${name}/version`]: version,
      ...(neededFiles[name] ?? {}),
      ...(own ?? {}),
    });
    const path = `pool/main/${name[0]}/${name}/${name}_${version}_amd64.deb`;
    files.set(path, deb);
    stanzas.push(
      [
        `Package: ${name}`,
        `Version: ${version}`,
        'Architecture: amd64',
        ...(depends === undefined ? [] : [`Depends: ${depends}`]),
        `Filename: ${path}`,
        `Size: ${deb.length}`,
        `SHA256: ${sha256(deb)}`,
        '',
      ].join('\n'),
    );
  }
  return { files, index: stanzas.join('\n') };
}
