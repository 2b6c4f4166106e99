import type { Step } from './executor.ts';

/**
 * The rules that every executor holds to, as one word. It is part of each step's key, so that a change here
 * (a path, a variable, a user id) builds everything anew instead of trusting outputs of other rules.
 */
export const STEP_RULES = 'altee-step/1';

/** 2024-01-01T00:00:00Z, for every tool that stamps files with a time. Any constant would do. */
export const SOURCE_DATE_EPOCH = '1704067200';

/** Who a step is inside its root: one user without a name on the host and without any capability. */
export const STEP_UID = 1000;
export const STEP_GID = 1000;
/**
 * The host name that a step sees. A root without perl shows it only in /etc/hostname where an ordinary user runs
 * the step: no other tool in it can call sethostname(2).
 */
export const STEP_HOST_NAME = 'altee';

/** Where a step finds its things inside the root. */
export const WORK_PATH = '/build';
export const OUT_PATH = '/out';
export const SOURCE_PATH = '/src';

const FIXED: Readonly<Record<string, string>> = {
  PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
  HOME: WORK_PATH,
  OUT: OUT_PATH,
  TMPDIR: '/tmp',
  TZ: 'UTC',
  LC_ALL: 'C',
  SOURCE_DATE_EPOCH,
};

/**
 * The whole environment of a step, the same under every executor; `jobs` is the only value that may differ from
 * machine to machine. A step can add variables, but not replace these.
 */
export function stepEnvironment(step: Pick<Step, 'env'>, jobs: number): Record<string, string> {
  return { ...step.env, ...FIXED, JOBS: String(jobs) };
}

/**
 * The command that runs a step's script inside the root. `-x` writes each command to the log before it runs,
 * which is how a failure can name the command; it does not reach `$(… 2>&1)`.
 */
export function stepCommand(step: Pick<Step, 'script'>): string[] {
  return ['/bin/sh', '-eux', '-c', step.script, 'step'];
}
