import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandLine } from './enter.ts';

export interface SupervisedExit {
  /** Whether the mounts stood and the command inside the root was started. */
  readonly entered: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was killed, where it was: the reason given by a guard, or `aborted`. */
  readonly killedFor: string | undefined;
}

export interface Supervision {
  /** Bytes of standard output and error as they come; a promise holds the process back. */
  readonly onOutput: (chunk: Uint8Array) => void | Promise<void>;
  /** Bytes for standard input; without it the command reads an empty one. */
  readonly stdin?: Readable;
  /** Each is awaited beside the process; the first that gives a text has the process killed for it. */
  readonly guards?: readonly ((stop: AbortSignal) => Promise<string | undefined>)[];
  readonly signal?: AbortSignal;
}

/**
 * Runs a command line made by `enterRoot` to its end. When it resolves, no process of it is left: the outermost
 * one is killed, which ends the PID namespace, and the closing of the output pipes proves that all are gone.
 */
export async function supervise(command: CommandLine, options: Supervision): Promise<SupervisedExit> {
  // A session of its own: no controlling terminal into which a step could push input.
  const child = spawn(command.file, command.args, {
    env: command.env,
    detached: true,
    cwd: '/',
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [, stdout, stderr, ready] = child.stdio as unknown as [unknown, Readable, Readable, Readable];

  let killedFor: string | undefined;
  const kill = (reason: string) => {
    killedFor ??= reason;
    killInit(child.pid);
    child.kill('SIGKILL');
  };
  const onAbort = () => kill('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();

  let entered = false;
  ready.on('data', () => {
    entered = true;
  });
  ready.on('error', () => {});
  if (options.stdin !== undefined && child.stdin !== null) {
    child.stdin.on('error', () => {});
    options.stdin.pipe(child.stdin);
  }

  const stop = new AbortController();
  const guards = (options.guards ?? []).map(async (guard) => {
    const reason = await guard(stop.signal);
    if (reason !== undefined) kill(reason);
  });

  try {
    const exit = new Promise<Pick<SupervisedExit, 'code' | 'signal'>>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    const [ended] = await Promise.all([
      exit,
      drain(stdout, options.onOutput, kill),
      drain(stderr, options.onOutput, kill),
    ]);
    return { entered, ...ended, killedFor };
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    options.stdin?.unpipe();
    stop.abort();
    await Promise.allSettled(guards);
  }
}

/**
 * Kills the init of the PID namespace, the only child of `unshare`. Its parent's death does the same, but for a
 * moment between changing its user id and asking for that signal again.
 */
function killInit(unsharePid: number | undefined): void {
  if (unsharePid === undefined) return;
  try {
    const children = readFileSync(`/proc/${unsharePid}/task/${unsharePid}/children`, 'utf8');
    for (const pid of children.split(' ').map(Number).filter(Boolean)) process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone, or the kernel has no such list: the parent's death signal remains.
  }
}

async function drain(
  stream: Readable,
  onOutput: Supervision['onOutput'],
  kill: (reason: string) => void,
): Promise<void> {
  try {
    for await (const chunk of stream) await onOutput(chunk as Uint8Array);
  } catch (error) {
    // What takes the output gave up (a full disk under the log, say): the process must not outlive it.
    kill('output');
    stream.resume();
    throw error;
  }
}

/** A guard that gives `reason` after so many seconds. */
export function timeGuard(seconds: number, reason: string) {
  return async (stop: AbortSignal): Promise<string | undefined> => {
    // Node's timers hold 31 bits of milliseconds.
    const milliseconds = Math.min(seconds * 1000, 2 ** 31 - 1);
    return await delay(milliseconds, reason, { signal: stop }).catch(() => undefined);
  };
}
