import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BuilderError } from '../error.ts';
import { hexOf } from '../store/entry.ts';
import type { Store } from '../store/store.ts';
import { type ArMember, readAr } from './ar.ts';
import { encodeListing, type ListedEntry, parseListing } from './listing.ts';
import { type UnpackLimits, untar } from './untar.ts';
import type { XzDecoder } from './xz.ts';

/** A .deb in the store. */
export interface PackageFile {
  readonly name: string;
  readonly path: string;
  /** `sha256:<hex>` of the file, already verified. */
  readonly sha256: string;
}

/** A package's data archive, unpacked in the store. */
export interface UnpackedPackage {
  readonly name: string;
  /** The folder that holds its files. */
  readonly path: string;
  readonly entries: readonly ListedEntry[];
}

/** Part of the key: a change of the rules of unpacking makes new entries. */
const RULES = 'v1';

/**
 * A package may unpack to so many times its size (zero bytes shrink by a factor of 7,000 in xz; Debian's densest
 * packages are below 30), a small one to `FREE_BYTES`, and never to more than `MAX_BYTES`.
 */
const MAX_EXPANSION = 64;
const FREE_BYTES = 256 * 2 ** 20;
const MAX_BYTES = 8 * 2 ** 30;
const MAX_ENTRIES = 400_000;

/**
 * Unpacks the data archive of a .deb into the store, unless it is there. No maintainer script is run or even
 * read. Throws `archive-malformed` and `archive-hostile`.
 */
export async function unpackPackage(
  store: Store,
  file: PackageFile,
  decodeXz: XzDecoder,
): Promise<UnpackedPackage> {
  const tree = await store.addTree('unpacked', unpackedKey(file), async (dir) => {
    const data = findData(await readAr(file.path), file.path);
    const compressed = createReadStream(file.path, {
      start: data.offset,
      end: data.offset + data.size - 1,
      highWaterMark: 1 << 18,
    });
    const files = filesOf(dir);
    await mkdir(files, { mode: 0o755 });
    const limits = limitsFor((await stat(file.path)).size);
    const entries = await untar(decompress(compressed, data.name, decodeXz), files, file.path, limits);
    await writeFile(listingOf(dir), encodeListing(entries));
    return entries.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0);
  });
  return readUnpacked(file.name, tree);
}

/** The package as it stands in the store, if it was unpacked before. */
export async function findUnpacked(store: Store, file: PackageFile): Promise<UnpackedPackage | undefined> {
  const tree = await store.tree('unpacked', unpackedKey(file));
  return tree === undefined ? undefined : readUnpacked(file.name, tree);
}

async function readUnpacked(name: string, tree: string): Promise<UnpackedPackage> {
  const entries = parseListing(await readFile(listingOf(tree), 'utf8'), listingOf(tree));
  return { name, path: filesOf(tree), entries };
}

function unpackedKey({ sha256 }: PackageFile): string {
  return `${hexOf(sha256)}-${RULES}`;
}

function filesOf(tree: string): string {
  return join(tree, 'files');
}

function listingOf(tree: string): string {
  return join(tree, 'listing');
}

function limitsFor(packageBytes: number): UnpackLimits {
  return { bytes: Math.min(FREE_BYTES + MAX_EXPANSION * packageBytes, MAX_BYTES), entries: MAX_ENTRIES };
}

/** deb(5): "debian-binary" first, then "control.tar", then "data.tar". */
function findData(members: readonly ArMember[], path: string): ArMember {
  const data = members.find(({ name }) => name === 'data.tar' || name.startsWith('data.tar.'));
  if (members[0]?.name === 'debian-binary' && data !== undefined && data.size > 0) return data;
  throw new BuilderError(
    'archive-malformed',
    `"${path}" is no Debian package: it holds ${describe(members)}`,
  );
}

function describe(members: readonly ArMember[]): string {
  return members.length === 0 ? 'nothing' : members.map(({ name }) => `"${name}"`).join(', ');
}

function gunzip(compressed: Readable): Readable {
  const decoder = createGunzip();
  compressed.on('error', (error) => decoder.destroy(error));
  return compressed.pipe(decoder);
}

function decompress(compressed: Readable, name: string, decodeXz: XzDecoder): Readable {
  switch (name) {
    case 'data.tar':
      return compressed;
    case 'data.tar.gz':
      return gunzip(compressed);
    case 'data.tar.xz':
      return decodeXz(compressed);
    default:
      throw new BuilderError('archive-malformed', `Cannot unpack "${name}": only xz and gzip are supported`, {
        hint: "Debian's packages use xz; take the package from Debian's archive",
      });
  }
}
