/** Bounds that the kernel keeps for every process of a step; absent means the caller's own. */
export interface ResourceLimits {
  readonly processes?: number;
  readonly fileBytes?: number;
}

/** Fixed where a tool could behave differently by it (stack size, open files), so that hosts don't matter. */
const STACK_BYTES = 8 * 2 ** 20;
const OPEN_FILES = 1024;

/** prlimit(1) option → the resource's name in proc_pid_limits(5). */
const RESOURCES = {
  core: 'Max core file size',
  stack: 'Max stack size',
  nofile: 'Max open files',
  nproc: 'Max processes',
  fsize: 'Max file size',
} as const;

/**
 * Arguments of prlimit(1). `procLimits` is the text of /proc/self/limits: what the machine's owner bounds more
 * tightly stays so, since nobody but root may raise a hard limit.
 */
export function prlimitArguments(limits: ResourceLimits, procLimits: string): string[] {
  const option = (name: keyof typeof RESOURCES, wanted: number | undefined, hard: boolean): string[] => {
    if (wanted === undefined) return [];
    const value = Math.min(wanted, hardLimit(procLimits, RESOURCES[name]));
    return [`--${name}=${value}:${hard ? value : ''}`];
  };
  return [
    ...option('core', 0, true),
    ...option('stack', STACK_BYTES, false),
    ...option('nofile', OPEN_FILES, false),
    ...option('nproc', limits.processes, true),
    ...option('fsize', limits.fileBytes, true),
  ];
}

function hardLimit(procLimits: string, resource: string): number {
  const line = procLimits.split('\n').find((candidate) => candidate.startsWith(`${resource} `));
  const hard = /^\s*\S+\s+(\S+)/.exec(line?.slice(resource.length) ?? '')?.[1];
  return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
