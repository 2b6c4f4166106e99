import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOADER } from '../executor/enter.ts';
import type { Root } from '../executor/executor.ts';
import type { Conditions } from './conditions.ts';

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface LaunchOptions {
  /** A root of the lock; its own tools set the conditions, the host's are not asked for. */
  readonly root: Root;
  readonly isRoot: boolean;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Where the program keeps its store, and its home. */
  readonly storeDir: string;
  readonly home: string;
}

/** The command line that runs a program under conditions; the environment is made anew. */
export function launchUnder(conditions: Conditions, options: LaunchOptions): Launch {
  const { root, isRoot, command, storeDir, home } = options;
  const loader = join(root.path, LOADER);
  const own = (tool: string, ...args: string[]) => [
    loader,
    '--library-path',
    join(loader, '..'),
    join(root.path, 'usr/bin', tool),
    ...args,
  ];
  const otherHost = conditions['host name'] !== 'own';
  const uptime = /^\+(\d+) s$/.exec(conditions.uptime)?.[1];
  const namespaces = [
    ...(otherHost ? ['--uts'] : []),
    ...(uptime === undefined ? [] : ['--time', `--boottime=${uptime}`, `--monotonic=${uptime}`]),
  ];
  const personality = [
    ...(conditions['address layout'] === 'fixed' ? ['--addr-no-randomize'] : []),
    ...(conditions['kernel release'] === '2.6' ? ['--uname-2.6'] : []),
  ];
  const isOther = conditions.user !== 'own';
  const [file = loader, ...args] = [
    ...own('setpriv', '--pdeathsig=KILL'),
    ...(namespaces.length > 0 && isRoot ? own('unshare', ...namespaces, '--fork', '--kill-child') : []),
    ...own('dash', '-c', SET, 'altee', conditions.umask, otherHost ? conditions['host name'] : ''),
    ...(isOther
      ? own(
          ...([
            'setpriv',
            `--reuid=${conditions.user}`,
            `--regid=${conditions.user}`,
            '--clear-groups',
          ] as const),
          // The kernel forgets it when the user id changes (PR_SET_PDEATHSIG(2const)), so it is asked for again.
          '--pdeathsig=KILL',
        )
      : []),
    ...(personality.length > 0 ? own('setarch', 'x86_64', ...personality) : []),
    ...own('taskset', '-c', processorList(conditions.processors)),
    ...command,
  ];
  const word = conditions.environment;
  return {
    file,
    args,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: home,
      USER: `${word}-user`,
      LOGNAME: `${word}-user`,
      TERM: word,
      MARKER_OF_AN_AUDIT: word,
      TZ: conditions['time zone'],
      LANG: conditions.locale,
      LC_ALL: conditions.locale,
      TMPDIR: home,
      ALTEE_CACHE: storeDir,
    },
  };
}

const SET = 'umask "$1"; if [ -n "$2" ]; then echo "$2" > /proc/sys/kernel/hostname; fi; shift 2; exec "$@"';

/** That many processors, the first ones that this process may use (proc_pid_status(5), "Cpus_allowed_list"). */
function processorList(count: string): string {
  const status = readFileSync('/proc/self/status', 'utf8');
  const ranges = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0';
  const processors = ranges.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return processors.slice(0, Number(count)).join(',');
}
