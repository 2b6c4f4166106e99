import {
  OUT_PATH,
  SOURCE_PATH,
  STEP_GID,
  STEP_HOST_NAME,
  STEP_UID,
  stepCommand,
  stepEnvironment,
  WORK_PATH,
} from '../environment.ts';
import type { Step } from '../executor.ts';
import { prlimitArguments } from '../resource-limits.ts';
import { CONTROL_SECONDS, command, type Engine, runCommand } from './command.ts';
import { ownerLabels } from './labels.ts';

/** A single file of a step's own working may be this large even where its output may not. */
const MIN_FILE_BYTES = 4 * 2 ** 30;

/** A `/tmp` as in the sandbox; without `exec` no program could be started in it. */
const SCRATCH = 'rw,exec,nosuid,nodev,mode=1777';

/**
 * What no container of ours has: a network, a way to write to its root, privileges, another process as PID 1, a log in
 * the engine, the engine's machine in /sys.
 */
const CONFINED = [
  ...['--pull', 'never', '--network', 'none', '--read-only', '--init=false', '--log-driver', 'none'],
  ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  ...['--hostname', STEP_HOST_NAME, '--user', `${STEP_UID}:${STEP_GID}`],
  ...['--tmpfs', '/sys:ro,nosuid,nodev,noexec,mode=555'],
  ...['--tmpfs', `/tmp:${SCRATCH}`, '--tmpfs', `/dev/shm:${SCRATCH}`],
];

/** Options that only one of the clients knows, for what the other does by itself. */
const OF_KIND: Readonly<Record<Engine['kind'], readonly string[]>> = {
  // Without a network it still copies the name servers of the engine's machine.
  docker: ['--dns', '127.0.0.1'],
  // By default it has writable file systems on /run and /var/tmp, and its own /etc/hosts.
  podman: ['--read-only-tmpfs=false', '--no-hosts'],
};

/** First, since standard error must join standard output in the order of writing, as in the sandbox. */
const ENTRY_SCRIPT = 'umask 022; exec "$@" 2>&1';

/** Makes a container for a step of so many seconds and gives its id; nothing runs in it yet. */
export async function createContainer(
  engine: Engine,
  image: string,
  options: readonly string[],
  run: readonly string[],
  seconds: number,
): Promise<string> {
  const args = [
    'create',
    ...CONFINED,
    ...OF_KIND[engine.kind],
    ...ownerLabels(seconds),
    ...options,
    image,
    ...run,
  ];
  // Not to be interrupted: nobody would know what to remove.
  const said = await command(engine, args);
  return said.trim().split('\n').at(-1) ?? '';
}

/** Options and command of the container that runs a step: `/build` and `$OUT` are volumes that vanish with it. */
export function stepContainer(
  step: Step,
  jobs: number,
  inputs: string | undefined,
): { options: string[]; run: string[] } {
  const limits = { fileBytes: Math.max(step.limits.outputBytes, MIN_FILE_BYTES) };
  return {
    options: [
      // RLIMIT_NPROC would count the processes of whoever is uid 1000 on the engine's machine.
      ...['--pids-limit', String(step.limits.processes), '--workdir', WORK_PATH],
      ...['--volume', WORK_PATH, '--volume', OUT_PATH],
      ...(inputs === undefined ? [] : ['--volumes-from', `${inputs}:ro`]),
    ],
    run: [
      ...['/bin/sh', '-c', ENTRY_SCRIPT, 'altee', '/usr/bin/prlimit', ...prlimitArguments(limits, '')],
      ...['/usr/bin/env', '-i'],
      ...Object.entries(stepEnvironment(step, jobs)).map(([name, value]) => `${name}=${value}`),
      ...stepCommand(step),
    ],
  };
}

/** Options of the container that only holds the inputs' volume. Podman gives what is copied to its user. */
export const INPUTS_CONTAINER = ['--user', '0:0', '--volume', SOURCE_PATH] as const;

/** Stops what runs in a container, if anything does, and removes it with its volumes. One that is gone is no error. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  const atOnce = engine.kind === 'podman' ? ['--time', '0'] : [];
  await runCommand(engine, ['rm', '--force', '--volumes', ...atOnce, id], { seconds: CONTROL_SECONDS });
}
