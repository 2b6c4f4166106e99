import { createHash } from 'node:crypto';
import { createCleartextMessage, generateKey, readKey, readPrivateKey, sign } from 'openpgp';
import type { ArchiveKey } from '../../src/debian/keys/trixie.ts';
import { storedXz } from './stored-xz.ts';

/** A key made for the test, in the place of Debian's. */
export interface TestKey {
  readonly archiveKey: ArchiveKey;
  /** A clear-signed message, dated as given. */
  sign(text: string, date: Date): Promise<string>;
}

export async function makeKey(owner: string): Promise<TestKey> {
  const made = new Date('2026-01-01T00:00:00Z');
  const { privateKey, publicKey } = await generateKey({
    userIDs: [{ name: owner }],
    date: made,
    format: 'armored',
  });
  const fingerprint = (await readKey({ armoredKey: publicKey })).getFingerprint().toUpperCase();
  const signingKeys = await readPrivateKey({ armoredKey: privateKey });
  return {
    archiveKey: { owner, fingerprint, armored: publicKey },
    sign: async (text, date) => sign({ message: await createCleartextMessage({ text }), signingKeys, date }),
  };
}

export interface SuiteContent {
  readonly codename: string;
  readonly label: string;
  readonly key: TestKey;
  readonly date: Date;
  readonly validUntil?: Date;
  /** Text of the Packages and Sources indexes. */
  readonly packages: string;
  readonly sources: string;
}

/** The files of a suite by their path below the archive's root; indexes both by digest and by name. */
export async function suiteFiles(content: SuiteContent): Promise<Map<string, Uint8Array>> {
  const folder = `dists/${content.codename}`;
  const files = new Map<string, Uint8Array>();
  const lines: string[] = [];
  for (const [path, text] of [
    ['main/binary-amd64/Packages', content.packages],
    ['main/source/Sources', content.sources],
  ] as const) {
    const plain = Buffer.from(text);
    const compressed = storedXz(plain);
    lines.push(
      ` ${sha256(plain)} ${plain.length} ${path}`,
      ` ${sha256(compressed)} ${compressed.length} ${path}.xz`,
    );
    files.set(`${folder}/${path}.xz`, compressed);
    files.set(`${folder}/${path.replace(/[^/]+$/, '')}by-hash/SHA256/${sha256(compressed)}`, compressed);
  }
  const release = releaseText({ ...content, files: lines });
  files.set(`${folder}/InRelease`, Buffer.from(await content.key.sign(release, content.date)));
  return files;
}

/** The text of a Release file as Debian writes it. */
export function releaseText(fields: {
  readonly origin?: string;
  readonly label?: string;
  readonly codename?: string;
  readonly date: Date;
  readonly validUntil?: Date;
  readonly files: readonly string[];
}): string {
  const { origin = 'Debian', label = 'Debian', codename = 'trixie', date, validUntil, files } = fields;
  const lines = [
    `Origin: ${origin}`,
    `Label: ${label}`,
    'Suite: stable',
    `Codename: ${codename}`,
    `Date: ${date.toUTCString().replace('GMT', 'UTC')}`,
    ...(validUntil === undefined ? [] : [`Valid-Until: ${validUntil.toUTCString().replace('GMT', 'UTC')}`]),
    'Acquire-By-Hash: yes',
    'Components: main',
    'SHA256:',
    ...files,
  ];
  return `${lines.join('\n')}\n`;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
