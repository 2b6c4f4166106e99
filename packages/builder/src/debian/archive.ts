import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { BuilderError } from '../error.ts';
import { fetchFiles } from '../fetch/fetch-files.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import { fetchFirst, type Patience } from './fetch-first.ts';
import { maxInReleaseBytes, type Release, type SignedFile, verifyInRelease } from './in-release.ts';
import { type ArchiveKey, archiveKeys, securityArchiveKeys } from './keys/trixie.ts';
import { type DebianArchive, type OriginMap, urlsOf } from './origins.ts';
import { unxzVerified } from './unxz.ts';

/** A suite that packages are resolved from, and who signs it. */
export interface Suite {
  readonly archive: DebianArchive;
  /** Name of its folder in `dists/`, and its Codename. */
  readonly codename: string;
  /** Who publishes it; `Debian` unless said otherwise. */
  readonly origin?: string;
  readonly label: string;
  readonly keys: readonly ArchiveKey[];
}

/** Debian 13: the release, what is added between point releases, and security updates. */
export const suites: readonly Suite[] = [
  { archive: 'debian', codename: 'trixie', label: 'Debian', keys: archiveKeys },
  { archive: 'debian', codename: 'trixie-updates', label: 'Debian', keys: archiveKeys },
  {
    archive: 'debian-security',
    codename: 'trixie-security',
    label: 'Debian-Security',
    keys: securityArchiveKeys,
  },
];

export interface ArchiveContext {
  readonly store: Store;
  readonly origins: OriginMap;
  readonly reporter: Reporter;
  /** The time that signatures and expiry are judged at. */
  readonly now: Date;
  /** For tests: how long to wait for a server. */
  readonly patience?: Patience;
}

/** A suite's verified release file. */
export interface SuiteRelease extends Release {
  readonly suite: Suite;
  /** Digest of the InRelease file, `sha256:…`. */
  readonly sha256: string;
}

/** Bounds what is decompressed; trixie's main index has 57 MB. */
const maxIndexBytes = 512 << 20;

/**
 * Fetches a suite's release file and verifies it. With `notBefore`, an older one is refused: the time of what
 * was trusted last, so that no mirror can take back security updates.
 */
export async function fetchRelease(
  suite: Suite,
  context: ArchiveContext,
  notBefore?: Date,
): Promise<SuiteRelease> {
  const path = `${suite.archive}:dists/${suite.codename}/InRelease`;
  const onPassedOver = (url: string, error: BuilderError, refused: boolean) =>
    context.reporter.warn(
      refused
        ? `Refused ${url}: ${error.message}; asked another origin`
        : `Skipped ${error.message}; another origin has it`,
    );
  const limits = { ...context.patience, maxBytes: maxInReleaseBytes, onPassedOver };
  return fetchFirst(
    `the release file of ${suite.codename}`,
    urlsOf(context.origins, path),
    limits,
    async (bytes, url) => {
      const identity = { origin: suite.origin ?? 'Debian', label: suite.label, codename: suite.codename };
      const release = await verifyInRelease(bytes, {
        where: url,
        keys: suite.keys,
        identity,
        now: context.now,
      });
      if (notBefore !== undefined && release.date < notBefore) {
        throw new BuilderError(
          'index-invalid',
          `${url} is of ${release.date.toISOString()}, but the lock was made from that of ${notBefore.toISOString()}`,
          { hint: 'The mirror lags behind: use another, or try again later' },
        );
      }
      return { ...release, suite, sha256: sha256Of(bytes) };
    },
  );
}

/** The indexes that altee reads, by their path in the suite. */
const indexPaths = { packages: 'main/binary-amd64/Packages', sources: 'main/source/Sources' } as const;

/** What a release file says of an index. Throws `index-invalid` where it says nothing. */
export function signedIndex(release: SuiteRelease, index: keyof typeof indexPaths): SignedFile {
  return signedFile(release, indexPaths[index]);
}

/**
 * An index of each suite, decompressed and verified: from the store if it is there, else from the first origin
 * that has the signed bytes.
 */
export async function fetchIndexes(
  releases: readonly SuiteRelease[],
  index: keyof typeof indexPaths,
  context: ArchiveContext,
): Promise<Uint8Array[]> {
  const { store } = context;
  const kept = await Promise.all(releases.map((release) => readKept(store, signedIndex(release, index))));
  const missing = releases.filter((_, at) => kept[at] === undefined);
  const fetched = await fetchCompressed(missing, index, context);
  const indexes: Uint8Array[] = [];
  for (const [at, release] of releases.entries()) {
    indexes.push(kept[at] ?? (await decompress(release, index, fetched, store)));
  }
  return indexes;
}

/** The compressed indexes, in the store; their paths by suite. */
async function fetchCompressed(
  releases: readonly SuiteRelease[],
  index: keyof typeof indexPaths,
  { store, origins, reporter, patience }: ArchiveContext,
): Promise<ReadonlyMap<string, string>> {
  const files = releases.map((release) => {
    const path = indexPaths[index];
    const { sizeBytes: size, sha256 } = signedFile(release, `${path}.xz`);
    const { archive, codename } = release.suite;
    // By its digest first: the plain name changes under us while the mirror is updated.
    const byHash = path.replace(/[^/]+$/, `by-hash/SHA256/${sha256.slice('sha256:'.length)}`);
    const origins = [byHash, `${path}.xz`].map((name) => `${archive}:dists/${codename}/${name}`);
    return { name: codename, file: { size, sha256, origins } };
  });
  return fetchFiles(store, files, {
    ...patience,
    originsOf: (origin) => urlsOf(origins, origin),
    offline: false,
    reporter,
    title: `Fetch the index of ${index}`,
  });
}

async function decompress(
  release: SuiteRelease,
  index: keyof typeof indexPaths,
  fetched: ReadonlyMap<string, string>,
  store: Store,
): Promise<Uint8Array> {
  const signed = signedIndex(release, index);
  const { codename } = release.suite;
  const bytes = await unxzVerified(fetched.get(codename) ?? '', signed, `${codename}'s index of ${index}`);
  if (bytes.length > 0) await store.addFile(signed.sha256, signed.sizeBytes, (to) => writeFile(to, bytes));
  return bytes;
}

/** A file in the store was verified when it entered; an index is read once more, since it decides what is fetched. */
async function readKept(store: Store, signed: SignedFile): Promise<Uint8Array | undefined> {
  if (!(await store.hasFile(signed.sha256))) return undefined;
  const bytes = await readFile(store.filePath(signed.sha256));
  return sha256Of(bytes) === signed.sha256 ? bytes : undefined;
}

function signedFile(release: SuiteRelease, path: string): SignedFile {
  const where = `the release file of ${release.suite.codename}`;
  const found = release.files.get(path);
  if (found === undefined) throw new BuilderError('index-invalid', `No "${path}" in ${where}`);
  if (found.sizeBytes > maxIndexBytes) {
    throw new BuilderError(
      'index-invalid',
      `"${path}" in ${where} has ${found.sizeBytes} bytes, more than altee reads`,
    );
  }
  return found;
}

function sha256Of(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
