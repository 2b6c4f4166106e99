import { realpathSync } from 'node:fs';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { resolve } from 'node:path';

/** What of this machine and moment must not be in a public image. */
export interface LeakFacts {
  /** Path → what it is, in words. */
  readonly paths: ReadonlyMap<string, string>;
  readonly users: readonly string[];
  readonly hosts: readonly string[];
  /** Variable → value. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Nothing that goes into a build is younger; seconds since 1970. */
  readonly after: number;
  /** Seconds since 1970. */
  readonly now: number;
}

/** Where the facts come from. */
export interface LeakSources {
  readonly env: NodeJS.ProcessEnv;
  readonly project: string;
  readonly store: string;
  readonly outDir: string;
  /** The lock's time: `20261121T045542Z`. */
  readonly snapshot: string;
  /** Names that the manifest itself says stay what they are. */
  readonly manifestText: string;
  readonly now?: Date;
  readonly user?: string;
  readonly host?: string;
  readonly home?: string;
}

/** Paths that every Linux has, or that steps run in: they tell nothing of this machine. */
const COMMON_PATHS: ReadonlySet<string> = new Set([
  '/',
  '/root',
  '/home',
  '/tmp',
  '/var/tmp',
  '/var/lib',
  '/var/cache',
  '/usr/src',
  '/usr/local',
  '/usr/local/src',
  '/usr/share',
  '/build',
  '/src',
  '/nix/store',
]);

/** Names that are on so many machines, or such plain words, that they tell nothing. */
const COMMON_NAMES: ReadonlySet<string> = new Set(
  `root user users admin administrator nobody daemon build builder builds runner agent worker docker podman
  vagrant ubuntu debian fedora centos alpine arch nixos nixbld github gitlab jenkins kernel linux local localhost
  localdomain altee guest node server client host desktop laptop computer machine test tester testing default
  system service public private main master home work developer develop devel vm container ci-runner ip6-localhost`.split(
    /\s+/,
  ),
);

/** Variables whose values nobody is to see, by their names. */
const SECRET_NAME =
  /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|COOKIE|(?:^|_)(?:KEY|PASS|PWD|AUTH|APIKEY)(?:$|_)|KEY$/i;
/** Names that look so, and hold a path or a number of the shell's. */
const NO_SECRETS: ReadonlySet<string> = new Set(['PWD', 'OLDPWD', 'SSH_AUTH_SOCK', 'XAUTHORITY', 'GPG_KEY']);
const MIN_SECRET = 8;

/** Gathers what to look for. */
export function leakFacts(sources: LeakSources): LeakFacts {
  const { env, snapshot, now = new Date() } = sources;
  return {
    paths: pathsOf(sources),
    users: [sources.user ?? userName(), env['USER'], env['LOGNAME'], env['SUDO_USER']].flatMap(
      named(sources),
    ),
    hosts: hostsOf(sources.host ?? hostname()).flatMap(named(sources)),
    secrets: secretsOf(env),
    after: snapshotSeconds(snapshot) ?? Math.floor(now.getTime() / 1000) - 86_400,
    now: Math.floor(now.getTime() / 1000),
  };
}

function pathsOf({ env, project, store, outDir, home = homedir() }: LeakSources): Map<string, string> {
  const candidates: readonly (readonly [path: string | undefined, which: string])[] = [
    [project, "the project's folder"],
    [store, 'the store'],
    [outDir, "the results' folder"],
    [tmpdir(), 'the folder for temporary files'],
    [env['TMPDIR'], 'the folder for temporary files'],
    [home, "the user's home"],
    [env['HOME'], "the user's home"],
  ];
  const paths = new Map<string, string>();
  for (const [path, which] of candidates) {
    if (path === undefined || path === '') continue;
    for (const form of [resolve(path), realOf(resolve(path))])
      if (isTelling(form) && !paths.has(form)) paths.set(form, which);
  }
  return paths;
}

/** One name at the top of the tree is found in any program. */
function isTelling(path: string): boolean {
  return !COMMON_PATHS.has(path) && path.split('/').length > 2;
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in passwd has no name that could leak.
    return undefined;
  }
}

/** The whole name, and its first label. */
function hostsOf(host: string): string[] {
  return [...new Set([host, host.split('.')[0] ?? host])];
}

/** Names that mean something: long enough, no plain word, and nothing that the manifest says on purpose. */
function named({ manifestText }: LeakSources): (name: string | undefined) => string[] {
  return (name) => {
    if (name === undefined) return [];
    const enough = /[^a-z]/.test(name) ? 4 : 5;
    if (name.length < enough || COMMON_NAMES.has(name.toLowerCase()) || /^\d+$/.test(name)) return [];
    return manifestText.includes(name) ? [] : [name];
  };
}

function secretsOf(env: NodeJS.ProcessEnv): Map<string, string> {
  const secrets = Object.entries(env).flatMap(([name, value]): [string, string][] => {
    const text = value?.trim() ?? '';
    const isOne =
      SECRET_NAME.test(name) && !NO_SECRETS.has(name) && text.length >= MIN_SECRET && !text.startsWith('/');
    return isOne ? [[name, text]] : [];
  });
  return new Map(secrets);
}

function snapshotSeconds(snapshot: string): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(snapshot) ?? [];
  if (second === undefined) return undefined;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) / 1000;
}
