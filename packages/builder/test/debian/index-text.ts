import { StanzaIndex } from '../../src/debian/control.ts';
import { PackageUniverse } from '../../src/debian/universe.ts';

/** Fields of a hand-made package; what the index needs besides is filled in. */
export interface PackageFields {
  readonly version?: string;
  readonly depends?: string;
  readonly preDepends?: string;
  readonly provides?: string;
  readonly conflicts?: string;
  readonly breaks?: string;
  readonly architecture?: string;
}

/** A Packages index of hand-made packages, in deb822(5). */
export function packagesText(packages: readonly (readonly [name: string, fields?: PackageFields])[]): string {
  return packages.map(([name, fields = {}]) => stanza(name, fields)).join('\n');
}

/** A universe of hand-made suites, in the order given. */
export function universeOf(suites: Readonly<Record<string, string>>): PackageUniverse {
  return new PackageUniverse(
    Object.entries(suites).map(([suite, text]) => ({
      archive: suite.endsWith('-security') ? 'debian-security' : 'debian',
      suite,
      index: new StanzaIndex(new TextEncoder().encode(text), suite),
    })),
  );
}

function stanza(name: string, fields: PackageFields): string {
  const { version = '1.0-1', architecture = 'amd64' } = fields;
  const lines = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: Jürgen Müller <jm@example.org>',
    'Description: hand-made',
    ' Package: not-a-field',
    fields.preDepends && `Pre-Depends: ${fields.preDepends}`,
    fields.depends && `Depends: ${fields.depends}`,
    fields.provides && `Provides: ${fields.provides}`,
    fields.conflicts && `Conflicts: ${fields.conflicts}`,
    fields.breaks && `Breaks: ${fields.breaks}`,
    `Filename: pool/main/${name[0]}/${name}/${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`,
    'Size: 1234',
    `SHA256: ${'5a'.repeat(32)}`,
  ];
  return `${lines.filter((line) => line !== undefined && line !== '').join('\n')}\n`;
}
