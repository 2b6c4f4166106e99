import { BuilderError } from '../error.ts';
import type { Bundle } from '../vendor/bundle.ts';
import { readAptSources } from './apt-sources.ts';

/** The two archives that packages come from; the names stand in the lock's origins (`debian:pool/…`). */
export type DebianArchive = 'debian' | 'debian-security';

/** Where bytes may come from, in the order in which to ask. */
export interface OriginMap {
  /** Folders that are searched by file name before the network is asked. */
  readonly vendorDirs: readonly string[];
  /** Verified bundles of `altee vendor`, asked first. */
  readonly bundles?: readonly Bundle[];
  /** Base URLs of each archive, without a trailing slash; the last is Debian's snapshot archive. */
  readonly archives: Readonly<Record<DebianArchive, readonly string[]>>;
}

export interface OriginOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Time stamp of the snapshot archive, `YYYYMMDDTHHMMSSZ`: the lock's, or the time of resolution. */
  readonly snapshot: string;
  /** Vendor folders given on the command line; they come before `ALTEE_VENDOR`'s. */
  readonly vendorDirs?: readonly string[];
  /** Where the machine's apt keeps its sources; for tests. */
  readonly aptDir?: string;
}

/** The path that a Debian archive is served under, by archive. */
const archivePath: Readonly<Record<DebianArchive, RegExp>> = {
  debian: /\/debian$/,
  'debian-security': /\/debian-security$/,
};

/**
 * Where to look for Debian's files: vendor folders (`ALTEE_VENDOR`, colon-separated); then `ALTEE_DEBIAN_MIRROR`
 * (the base URL of the `debian` archive; the security archive is at the same URL with `-security` unless
 * `ALTEE_DEBIAN_SECURITY_MIRROR` names it), or else the machine's apt sources that carry a Debian archive,
 * whatever release they are for; last, Debian's snapshot archive at the given time.
 *
 * No origin is trusted: every file is verified by its digest, every index by its signature.
 * Throws `invalid-input` for a mirror that is no http(s) URL.
 */
export async function resolveOrigins(options: OriginOptions): Promise<OriginMap> {
  const { env } = options;
  const mirrors = mirrorsFromEnvironment(env) ?? (await mirrorsFromApt(options.aptDir));
  const snapshotOf = (archive: DebianArchive) =>
    `https://snapshot.debian.org/archive/${archive}/${options.snapshot}`;
  const vendor = (env['ALTEE_VENDOR'] ?? '').split(':').filter((dir) => dir !== '');
  return {
    vendorDirs: [...(options.vendorDirs ?? []), ...vendor],
    archives: {
      debian: unique([...mirrors.debian, snapshotOf('debian')]),
      'debian-security': unique([...mirrors['debian-security'], snapshotOf('debian-security')]),
    },
  };
}

/** The URLs that a lock's origin stands for, in the order in which to ask. */
export function urlsOf(origins: OriginMap, origin: string): string[] {
  const match = /^(debian|debian-security):(.+)$/.exec(origin);
  const [, archive, path] = match ?? [];
  if (archive === undefined || path === undefined) return [origin];
  // '+' is legal in a path, but some servers decode it as a space; '%2B' is what apt sends.
  const encoded = path
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll('%3A', ':'))
    .join('/');
  return origins.archives[archive as DebianArchive].map((base) => `${base}/${encoded}`);
}

type Mirrors = Record<DebianArchive, string[]>;

function mirrorsFromEnvironment(env: OriginOptions['env']): Mirrors | undefined {
  const main = mirrorUrl(env, 'ALTEE_DEBIAN_MIRROR');
  const security =
    mirrorUrl(env, 'ALTEE_DEBIAN_SECURITY_MIRROR') ?? (main === undefined ? undefined : `${main}-security`);
  if (main === undefined && security === undefined) return undefined;
  return {
    debian: main === undefined ? [] : [main],
    'debian-security': security === undefined ? [] : [security],
  };
}

function mirrorUrl(env: OriginOptions['env'], name: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) {
    throw new BuilderError('invalid-input', `${name} is "${value}", which is no http(s) URL`, {
      hint: `Set ${name} to the base URL of a Debian mirror, the folder that contains "dists" and "pool"`,
    });
  }
  return value.replace(/\/+$/, '');
}

async function mirrorsFromApt(aptDir: string | undefined): Promise<Mirrors> {
  const sources = (await readAptSources(aptDir)).filter(
    ({ uri, components }) => /^https?:\/\//.test(uri) && URL.canParse(uri) && components.includes('main'),
  );
  const carrying = (archive: DebianArchive) =>
    unique(sources.map(({ uri }) => uri).filter((uri) => archivePath[archive].test(new URL(uri).pathname)));
  return { debian: carrying('debian'), 'debian-security': carrying('debian-security') };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
