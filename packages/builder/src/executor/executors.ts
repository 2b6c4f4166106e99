import { BuilderError } from '../error.ts';
import { didYouMean } from '../kernel/did-you-mean.ts';
import type { Executor } from './executor.ts';

export interface ExecutorOptions {
  /** `$JOBS` of every step; by default the processors of the machine that runs it. */
  readonly jobs?: number;
}

export type ExecutorName = Executor['name'];

/** One row an executor, loaded when it is asked for: a build needs one of them. */
const EXECUTORS: Partial<Record<ExecutorName, (options: ExecutorOptions) => Promise<Executor>>> = {
  sandbox: async (options) => (await import('./sandbox.ts')).sandboxExecutor(options),
  docker: async (options) => (await import('./docker/docker.ts')).dockerExecutor(options),
  nix: async (options) => (await import('./nix/nix.ts')).nixExecutor(options),
};

export const executorNames: readonly string[] = Object.keys(EXECUTORS);

/** The executor of that name; `sandbox` where none is asked for. Throws `invalid-input` for a name that is none. */
export async function makeExecutor(
  name: ExecutorName = 'sandbox',
  options: ExecutorOptions = {},
): Promise<Executor> {
  const make = EXECUTORS[executorName(name)];
  if (make === undefined) throw unknown(name);
  return make(options);
}

/** The text as the name of an executor. Throws `invalid-input`, with the nearest name, where it is none. */
export function executorName(text: string): ExecutorName {
  const found = Object.keys(EXECUTORS).find((name) => name === text);
  if (found === undefined) throw unknown(text);
  return found as ExecutorName;
}

function unknown(text: string): BuilderError {
  return new BuilderError(
    'invalid-input',
    `There is no executor "${text}"${didYouMean(text, executorNames)}`,
    { hint: `The executors are ${executorNames.join(', ')}` },
  );
}
