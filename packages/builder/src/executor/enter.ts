import { join } from 'node:path';
import { STEP_GID, STEP_UID, WORK_PATH } from './environment.ts';
import type { Identity } from './identity.ts';
import { MOUNT_SCRIPT } from './mount-script.ts';
import { prlimitArguments, type ResourceLimits } from './resource-limits.ts';

/** Something of the host that shows inside the root, at the absolute path `inside`. */
export interface Bind {
  readonly kind: 'dir' | 'file' | 'dev';
  readonly access: 'ro' | 'rw';
  /** False where the host forbids programs there: what the host's mount forbids, a bind can't allow. */
  readonly executable?: boolean;
  readonly inside: string;
  readonly host: string;
}

export interface Entry {
  readonly rootPath: string;
  readonly binds: readonly Bind[];
  /** `none`: a network namespace of its own in which even the loopback is down. */
  readonly network: 'none' | 'host';
  readonly identity: Identity;
  readonly env: Readonly<Record<string, string>>;
  readonly limits: ResourceLimits;
  /** The text of /proc/self/limits. */
  readonly procLimits: string;
  /** Absolute path inside the root, and arguments. */
  readonly command: readonly string[];
}

export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a root must contain so that a process can be brought into it. */
export const ENTRY_TOOLS = ['unshare', 'mount', 'setpriv', 'prlimit', 'dash', 'env', 'mkdir', 'ln'] as const;
export const MOUNT_POINTS = ['dev', 'proc', 'tmp', 'src', 'build', 'out'] as const;

/** Where a Debian amd64 root keeps its libraries and its loader (ld.so(8)). */
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
export const LOADER = `${LIBRARIES}/ld-linux-x86-64.so.2`;

/**
 * File descriptor 3 gets `ready` when everything stands: what fails before is the sandbox's failure, not the
 * command's.
 */
const READY_SCRIPT = 'echo ready >&3; exec 3>&-; exec "$@"';

/**
 * The command line that runs a command inside a root file system, in namespaces of its own, using no program but
 * the root's. Two processes stay: `unshare`, which dies with its parent, and the command, PID 1 of a PID
 * namespace, which dies with `unshare` and takes every other process of the namespace with it.
 */
export function enterRoot(entry: Entry): CommandLine {
  const root = entry.rootPath;
  const loader = join(root, LOADER);
  const libraries = join(root, LIBRARIES);
  const own = (tool: string, ...args: string[]) => [
    loader,
    '--library-path',
    libraries,
    join(root, 'usr/bin', tool),
    ...args,
  ];

  const namespaces = ['--mount', '--pid', '--ipc', '--uts', '--cgroup'];
  if (entry.network === 'none') namespaces.push('--net');

  const [file = loader, ...args] = [
    ...own('setpriv', '--pdeathsig=KILL'),
    ...own('unshare', ...outerUser(entry.identity), ...namespaces, '--fork', '--kill-child'),
    ...own('dash', '-c', MOUNT_SCRIPT, 'altee'),
    ...entry.binds.flatMap((bind) => [`${bind.kind}:${mountFlags(bind)}`, bind.inside, bind.host]),
    '--',
    // The mount script has changed to the root: no folder above it need be open to the new user namespace.
    ...own('unshare', ...innerUser(entry.identity), '--root=.', `--wd=${WORK_PATH}`),
    ...dropPrivileges(entry.identity),
    '/usr/bin/prlimit',
    ...prlimitArguments(entry.limits, entry.procLimits),
    ...['/bin/sh', '-c', READY_SCRIPT, 'altee'],
    '/usr/bin/env',
    '-i',
    ...Object.entries(entry.env).map(([name, value]) => `${name}=${value}`),
    ...entry.command,
  ];
  return { file, args, env: { R: root, LD: loader, LP: libraries } };
}

function mountFlags({ access, executable }: Bind): string {
  return [access, 'nosuid', 'nodev', ...(executable === false ? ['noexec'] : [])].join(',');
}

/** The user namespace in which the mounts are made, where the caller may not make them as it is. */
function outerUser(identity: Identity): string[] {
  const privileged = identity.kind === 'mapped' || identity.privileged;
  return privileged ? [] : ['--user', '--map-root-user'];
}

/** The user namespace of the command. It always has one: in there, the caller's rights mean nothing. */
function innerUser(identity: Identity): string[] {
  if (identity.kind === 'caller') {
    return ['--user', `--map-user=${STEP_UID}`, `--map-group=${STEP_GID}`, '--keep-caps'];
  }
  const maps = ['0:0:1', `${STEP_UID}:${identity.hostId}:1`];
  return ['--user', ...maps.flatMap((map) => [`--map-users=${map}`, `--map-groups=${map}`])];
}

function dropPrivileges(identity: Identity): string[] {
  const ids = [`--reuid=${STEP_UID}`, `--regid=${STEP_GID}`, '--clear-groups'];
  return [
    '/usr/bin/setpriv',
    ...(identity.kind === 'mapped' ? ids : []),
    '--ambient-caps=-all',
    '--inh-caps=-all',
    '--bounding-set=-all',
    '--no-new-privs',
    // The kernel forgets it when the user id changes (PR_SET_PDEATHSIG(2const)), so it is asked for again.
    '--pdeathsig=KILL',
  ];
}
