import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hasCode } from '../../store/errno.ts';
import { engineFailure, notInstalled } from './engine-error.ts';

/** A program that speaks Docker's command line. */
export interface Engine {
  readonly program: 'docker' | 'podman';
  /** What the program itself is: `podman-docker` installs Podman under the name `docker`. */
  readonly kind: 'docker' | 'podman';
  /** The client's environment; it names the engine (DOCKER_HOST, DOCKER_CONTEXT). */
  readonly env: NodeJS.ProcessEnv;
}

export interface CommandOptions {
  /** Stops the command; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes for standard input. */
  readonly input?: Readable;
  /** Takes standard output as it comes; without it the text is given back. */
  readonly onOutput?: (output: Readable) => Promise<unknown>;
  /** An engine that doesn't end a command within this is hanging; absent where a step decides how long it takes. */
  readonly seconds?: number | undefined;
}

/** What the client left: its exit code (null where it was killed) and what it said on standard error. */
export interface CommandExit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What `input` or `onOutput` threw; the client was then killed, if it had not ended before. */
  readonly problem?: unknown;
}

/** No answer of an engine that we keep is longer. */
const MAX_TEXT = 2 ** 20;
/** Commands that move no step's data take seconds; a cold disk under the engine may make it minutes. */
export const CONTROL_SECONDS = 300;

/** Runs a command of the engine's client and gives its standard output. Throws what {@link engineFailure} gives. */
export async function command(
  engine: Engine,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const exit = await runCommand(engine, args, { seconds: CONTROL_SECONDS, ...options });
  if (exit.problem !== undefined) throw exit.problem;
  if (exit.code !== 0) throw engineFailure(engine, args, exit);
  return exit.stdout;
}

/**
 * {@link command} for who wants to judge the exit code. The client has a session of its own: Ctrl-C on the terminal
 * is altee's, which then stops the containers itself.
 */
export async function runCommand(
  engine: Engine,
  args: readonly string[],
  { signal, input, onOutput, seconds }: CommandOptions = {},
): Promise<CommandExit> {
  signal?.throwIfAborted();
  const [file, ...rest] = onOutput === undefined ? [engine.program, ...args] : streaming(engine, args);
  const child = spawn(file, rest, {
    env: engine.env,
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const kill = () => killGroup(child.pid);
  signal?.addEventListener('abort', kill, { once: true });
  let isHanging = false;
  const timer =
    seconds === undefined
      ? undefined
      : setTimeout(() => {
          isHanging = true;
          kill();
        }, seconds * 1000);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let problem: unknown;
  const orKill = (work: Promise<unknown>) =>
    work.catch((error: unknown) => {
      problem = error;
      kill();
    });
  try {
    const fed = pipeline(input ?? Readable.from([]), child.stdin).catch((error: unknown) => {
      // A client that fails closes its input; its exit code says why.
      if (hasCode(error, 'EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE')) return;
      problem = error;
      kill();
    });
    const stdout =
      onOutput === undefined ? textOf(child.stdout) : orKill(onOutput(child.stdout)).then(() => '');
    const [code, out, stderr] = await Promise.all([ended, stdout, textOf(child.stderr), fed]);
    signal?.throwIfAborted();
    if (isHanging) return { code: null, stdout: out, stderr: `${stderr}\nNo answer within ${seconds} s` };
    return { code, stdout: out, stderr, problem };
  } catch (error) {
    if (isMissing(error)) throw notInstalled();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
    input?.destroy();
  }
}

/**
 * Node's pipes are sockets, which Podman can't open again by the name /dev/stdout (ENXIO): in between stands `cat`, and
 * the exit code goes round it.
 */
const THROUGH_A_PIPE =
  'exec 4>&1; code=$( { { "$@" 3>&- 4>&-; echo $? >&3; } | cat 3>&- >&4; } 3>&1 ); exit "$code"';

function streaming(engine: Engine, args: readonly string[]): [string, ...string[]] {
  if (engine.kind === 'docker') return [engine.program, ...args];
  return ['/bin/sh', '-c', THROUGH_A_PIPE, 'altee', engine.program, ...args];
}

/** The client leads a process group of its own. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) text = (text + chunk).slice(-MAX_TEXT);
  return text;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn ');
}
