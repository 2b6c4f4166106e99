import { createHash } from 'node:crypto';
import type { Lock, Manifest } from '@altee/manifest';
import type { LockedRoots } from '../roots.ts';
import { type Licence, licencesOf } from './licences.ts';
import { snapshotDate, timestamp } from './snapshot-date.ts';

/**
 * What a component has to do with the image:
 * - `in-image`: its bytes are in the image;
 * - `may-be-linked`: a library or source package of a root in which a program of the image was linked: parts of it may
 *   be in that program;
 * - `built-it`: a tool of the roots that ran the build steps;
 * - `platform`: firmware and machine of the predictions; neither in the image nor part of its build.
 */
type Role = 'in-image' | 'may-be-linked' | 'built-it' | 'platform';

const ROLES: readonly Role[] = ['in-image', 'may-be-linked', 'built-it', 'platform'];

/** CycloneDX 1.6 `scope`: what runs, what may, what does not. */
const SCOPES: Readonly<Record<Role, string>> = {
  'in-image': 'required',
  'may-be-linked': 'optional',
  'built-it': 'excluded',
  platform: 'excluded',
};

/** Roots in which programs of the image are linked. */
const LINKING_ROOTS: ReadonlySet<string> = new Set(['guest', 'app']);

export interface SbomInput {
  readonly manifest: Manifest;
  readonly lock: Lock;
  readonly roots: LockedRoots;
  /** Of the image: `sha256:` and 64 hex digits. */
  readonly imageSha256: string;
  /** Of the archive with the application's source or executable. */
  readonly sourceSha256: string;
  readonly alteeVersion: string;
}

/** The text of `sbom.cdx.json`, CycloneDX 1.6: the same input gives the same bytes. */
export async function writeSbom(input: SbomInput): Promise<string> {
  const { manifest, lock, imageSha256, sourceSha256, alteeVersion } = input;
  const image = {
    'bom-ref': 'image',
    type: 'operating-system',
    name: manifest.name,
    version: manifest.version,
    hashes: [sha256(imageSha256)],
  };
  const own = [
    kernelComponent(lock),
    {
      'bom-ref': 'app',
      type: 'application',
      name: manifest.name,
      version: manifest.version,
      scope: SCOPES['in-image'],
      properties: [role('in-image'), { name: 'altee:source.tar', value: sourceSha256 }],
    },
    {
      'bom-ref': 'init',
      type: 'application',
      name: 'altee-init',
      version: alteeVersion,
      scope: SCOPES['in-image'],
      licenses: [{ license: { id: 'Apache-2.0' } }],
      properties: [role('in-image')],
    },
  ];
  const sources = await sourceComponents(input);
  const inImage = sources.filter(({ scope }) => scope !== SCOPES['built-it']).map((one) => one['bom-ref']);
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`${imageSha256} ${sourceSha256} ${lock.request} ${alteeVersion}`)}`,
    version: 1,
    metadata: {
      timestamp: timestamp(snapshotDate(lock)),
      tools: { components: [{ type: 'application', name: 'altee', version: alteeVersion }] },
      component: image,
    },
    components: [...own, ...sources],
    dependencies: [{ ref: 'image', dependsOn: [...own.map((one) => one['bom-ref']), ...inImage] }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function kernelComponent({ kernel }: Lock) {
  const version = kernel.version;
  return {
    'bom-ref': 'linux',
    type: 'operating-system',
    name: 'linux',
    version,
    scope: SCOPES['in-image'],
    hashes: [sha256(kernel.sha256)],
    licenses: [{ expression: 'GPL-2.0-only WITH Linux-syscall-note' }],
    cpe: `cpe:2.3:o:linux:linux_kernel:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/linux@${version}?checksum=${encodeURIComponent(kernel.sha256)}`,
    properties: [role('in-image'), { name: 'altee:source', value: kernel.name }],
  };
}

/** One component for each Debian source package and version, with the binary packages that were taken from it. */
async function sourceComponents({ lock, roots }: SbomInput) {
  const bySource = new Map<string, string[]>();
  for (const name of Object.keys(lock.packages).sort()) {
    const key = sourceOf(name, lock).join(' ');
    bySource.set(key, [...(bySource.get(key) ?? []), name]);
  }
  const components = [...bySource]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(async ([key, names]) => {
      const [source = '', version = ''] = key.split(' ');
      const own = names.map((name) => roleOf(name, lock));
      const roleName = ROLES.find((one) => own.includes(one)) ?? 'built-it';
      const licences = await licencesOfSource(names, lock, roots);
      return {
        'bom-ref': `deb-source/${source}@${version}`,
        type: 'library',
        name: source,
        version,
        scope: SCOPES[roleName],
        ...(licences && { licenses: licences.map((licence) => ({ license: licence })) }),
        purl: debianPurl(source, version, 'source'),
        properties: [role(roleName), ...(licences ? [] : [UNKNOWN_LICENCE])],
        components: names.map((name) => binaryComponent(name, lock)),
      };
    });
  return Promise.all(components);
}

const UNKNOWN_LICENCE = { name: 'altee:licence', value: 'not stated in machine-readable form' };

function binaryComponent(name: string, lock: Lock) {
  const { version = '', architecture = 'amd64', sha256: digest = '' } = lock.packages[name] ?? {};
  const inRoots = Object.keys(lock.roots)
    .sort()
    .filter((root) => lock.roots[root]?.packages.includes(name));
  return {
    'bom-ref': `deb/${name}@${version}`,
    type: 'library',
    name,
    version,
    scope: SCOPES[roleOf(name, lock)],
    hashes: [sha256(digest)],
    purl: debianPurl(name, version, architecture),
    properties: [role(roleOf(name, lock)), { name: 'altee:roots', value: inRoots.join(' ') }],
  };
}

/** The stub alone is copied from a package; `-dev` and `-src` packages hold what compilers link into programs. */
function roleOf(name: string, lock: Lock): Role {
  if (name === lock.stub.package) return 'in-image';
  const inRoots = Object.keys(lock.roots).filter((root) => lock.roots[root]?.packages.includes(name));
  if (/-(?:dev|src)$/.test(name) && inRoots.some((root) => LINKING_ROOTS.has(root))) return 'may-be-linked';
  return inRoots.every((root) => root === 'platform') ? 'platform' : 'built-it';
}

/** A lock names the source as `name (version)` where the version is another, else as `name`. */
function sourceOf(name: string, { packages }: Lock): [source: string, version: string] {
  const { source = name, version = '' } = packages[name] ?? {};
  const [, own, ownVersion] = /^(\S+)(?: \((\S+)\))?$/.exec(source) ?? [];
  return [own ?? name, ownVersion ?? version];
}

async function licencesOfSource(
  names: readonly string[],
  lock: Lock,
  roots: LockedRoots,
): Promise<Licence[] | undefined> {
  const found = new Map<string, Licence>();
  for (const name of names) {
    const rootName = Object.keys(lock.roots).find((root) => lock.roots[root]?.packages.includes(name));
    const licences = rootName === undefined ? undefined : await licencesOf(await roots.get(rootName), name);
    for (const licence of licences ?? []) found.set('id' in licence ? licence.id : licence.name, licence);
  }
  if (found.size === 0) return undefined;
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, licence]) => licence);
}

/** Package URL of type "deb" (purl-spec, types/deb). */
function debianPurl(name: string, version: string, architecture: string): string {
  return `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
}

function role(value: Role) {
  return { name: 'altee:role', value };
}

function sha256(digest: string) {
  return { alg: 'SHA-256', content: digest.replace(/^sha256:/, '') };
}

/** A UUID of version 8 (RFC 9562 §5.8): 122 bits of a digest. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
