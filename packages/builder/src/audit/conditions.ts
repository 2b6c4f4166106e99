import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { mountOptions } from '../executor/diagnose.ts';
import type { ExecutorName } from '../executor/executors.ts';

/** What a rebuild is done under. Every value stands in the statement. */
export type ConditionName =
  | 'time zone'
  | 'locale'
  | 'umask'
  | 'environment'
  | 'path'
  | 'user'
  | 'host name'
  | 'uptime'
  | 'address layout'
  | 'kernel release'
  | 'processors'
  | 'jobs'
  | 'directory order'
  | 'executor';

export type Conditions = Readonly<Record<ConditionName, string>>;

/** A condition with the values of the two rebuilds, or why they are one. */
export interface ConditionPlan {
  readonly name: ConditionName;
  readonly values: readonly [first: string, second: string];
  readonly reason?: string;
}

/** What this machine allows. */
export interface ConditionFacts {
  readonly isRoot: boolean;
  readonly processors: number;
  /** A folder in memory for the second rebuild's files, where there is one. */
  readonly memoryFolder: string | undefined;
  /** Whether programs run that are told of an old kernel. */
  readonly oldKernel: boolean;
  /** Whether another user can run this program. */
  readonly otherUser: boolean;
  readonly executors: readonly [ExecutorName, ExecutorName];
}

const NEEDS_ROOT = 'only root can vary it';
const NOBODY = '65534';

interface Row {
  readonly name: ConditionName;
  readonly first: (facts: ConditionFacts) => string;
  /** The second rebuild's value; with `reason`, why it must be the first one's. */
  readonly second: (facts: ConditionFacts) => string;
  readonly reason?: (facts: ConditionFacts) => string | undefined;
}

const fixed = (value: string) => () => value;

/** What is varied; a new condition adds a row, and a line in `launch.ts`. */
const ROWS: readonly Row[] = [
  { name: 'time zone', first: fixed('UTC'), second: fixed('Pacific/Kiritimati') },
  { name: 'locale', first: fixed('C.UTF-8'), second: fixed('tr_TR.UTF-8') },
  { name: 'umask', first: fixed('022'), second: fixed('077') },
  { name: 'environment', first: fixed('first'), second: fixed('second') },
  { name: 'path', first: fixed('a'), second: fixed('b/a longer path, with Ünïcödé') },
  {
    name: 'user',
    first: fixed('own'),
    second: fixed(NOBODY),
    reason: ({ isRoot, otherUser }) =>
      isRoot ? (otherUser ? undefined : 'no other user can read the program') : NEEDS_ROOT,
  },
  {
    name: 'host name',
    first: fixed('own'),
    second: fixed('other-host'),
    reason: ({ isRoot }) => (isRoot ? undefined : NEEDS_ROOT),
  },
  {
    name: 'uptime',
    first: fixed('own'),
    second: fixed('+1000000 s'),
    reason: ({ isRoot }) => (isRoot ? undefined : NEEDS_ROOT),
  },
  { name: 'address layout', first: fixed('random'), second: fixed('fixed') },
  {
    name: 'kernel release',
    first: fixed('own'),
    second: fixed('2.6'),
    reason: ({ oldKernel }) => (oldKernel ? undefined : 'programs do not run under another one here'),
  },
  {
    name: 'processors',
    first: ({ processors }) => String(processors),
    second: ({ processors }) => String(Math.max(1, processors - 1)),
    reason: ({ processors }) => (processors > 1 ? undefined : 'this machine has one'),
  },
  {
    name: 'jobs',
    first: ({ processors }) => String(processors),
    second: ({ processors }) => String(processors + 1),
  },
  {
    name: 'directory order',
    first: fixed('of the disk'),
    second: fixed('of memory'),
    reason: ({ memoryFolder }) =>
      memoryFolder === undefined ? 'no file system in memory has room and runs programs' : undefined,
  },
  {
    name: 'executor',
    first: ({ executors }) => executors[0],
    second: ({ executors }) => executors[1],
    reason: ({ executors: [first, second] }) =>
      first === second ? 'one was asked for ("--executor" names two)' : undefined,
  },
];

/** What cannot be varied on any one machine, and why: said in every statement. */
export const NEVER_VARIED: readonly { readonly name: string; readonly reason: string }[] = [
  { name: 'CPU flags', reason: 'a process cannot hide the flags of its processor from another' },
  { name: 'kernel', reason: 'both rebuilds run under this machine’s kernel: audit on another machine, too' },
];

/** The conditions of both rebuilds. */
export function planConditions(facts: ConditionFacts): ConditionPlan[] {
  return ROWS.map(({ name, first, second, reason }) => {
    const why = reason?.(facts);
    const own = first(facts);
    return why === undefined
      ? { name, values: [own, second(facts)] as const }
      : { name, values: [own, own] as const, reason: why };
  });
}

/** The values of one rebuild; with `only`, the first one's but for that condition. */
export function conditionsOf(plan: readonly ConditionPlan[], which: 0 | 1, only?: ConditionName): Conditions {
  const pairs = plan.map(({ name, values }) => [
    name,
    values[only === undefined || only === name ? which : 0],
  ]);
  return Object.fromEntries(pairs) as Conditions;
}

/** Room that the second rebuild's working files may take in memory. */
const MEMORY_BYTES = 6 * 2 ** 30;

/** A folder in memory that runs programs and has room; its directories list their entries in another order. */
export async function memoryFolder(): Promise<string | undefined> {
  const folder = '/dev/shm';
  try {
    const [mounts, memory, { type, bavail, bsize }] = await Promise.all([
      readFile('/proc/self/mountinfo', 'utf8'),
      readFile('/proc/meminfo', 'utf8'),
      statfs(folder),
    ]);
    const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(memory)?.[1] ?? 0) * 1024;
    // TMPFS_MAGIC of linux/magic.h.
    const isTmpfs = type === 0x01_02_19_94;
    const hasRoom = bavail * bsize > MEMORY_BYTES && available > MEMORY_BYTES;
    return isTmpfs && hasRoom && !mountOptions(mounts, folder).includes('noexec') ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** The folder of a rebuild below the audit's own. */
export function rebuildFolder(base: string, conditions: Conditions): string {
  return join(base, conditions.path);
}
