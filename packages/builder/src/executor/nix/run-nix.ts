import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { BuilderError } from '../../error.ts';
import { hasCode } from '../../store/errno.ts';
import { LineSplitter } from '../lines.ts';

/** Nix removes what it made when it is asked to stop; so long it is waited for. */
const GRACE_MS = 3000;
/** Lines of Nix's own problems that an error shows. */
const TAIL_LINES = 20;

export interface NixRun {
  /** Each line of standard error. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** A command line before that of the tool. */
  readonly wrap?: readonly string[];
}

export interface NixExit {
  readonly code: number | null;
  readonly stdout: string;
  /** The last lines of standard error. */
  readonly tail: readonly string[];
}

/** Runs a Nix tool (`nix-build`, `nix-store`, …) to its end. Throws `sandbox-unavailable` where there is none. */
export function runNix(tool: string, args: readonly string[], options: NixRun = {}): Promise<NixExit> {
  return withNix(tool, args, options, text);
}

/** {@link runNix} for a tool that prints bytes: `take` reads its standard output to the end. */
export async function streamNix(
  tool: string,
  args: readonly string[],
  options: NixRun,
  take: (stdout: Readable) => Promise<void>,
): Promise<NixExit> {
  return withNix(tool, args, options, async (stdout) => {
    await take(stdout);
    return '';
  });
}

async function withNix(
  tool: string,
  args: readonly string[],
  { onLine, signal, wrap = [] }: NixRun,
  take: (stdout: Readable) => Promise<string>,
): Promise<NixExit> {
  signal?.throwIfAborted();
  const [file = tool, ...rest] = [...wrap, tool, ...args];
  // A session of its own: a Ctrl-C reaches it through us, once.
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, cwd: '/' });
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    timer ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const tail: string[] = [];
  const lines = new LineSplitter((line) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    onLine?.(line);
  });
  child.stderr.on('data', (chunk: Uint8Array) => lines.push(chunk));
  try {
    const exit = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    });
    const taken = take(child.stdout).catch((error: unknown) => {
      stop();
      child.stdout.resume();
      throw error;
    });
    const [code, stdout] = await Promise.allSettled([exit, taken]);
    lines.end();
    if (code.status === 'rejected') throw explainSpawn(code.reason, tool);
    signal?.throwIfAborted();
    // A stream that was cut off is the tool's failure, which it has explained.
    if (stdout.status === 'rejected' && code.value === 0) throw stdout.reason;
    if (stdout.status === 'rejected' && !(stdout.reason instanceof BuilderError)) throw stdout.reason;
    return { code: code.value, stdout: stdout.status === 'fulfilled' ? stdout.value : '', tail };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

function explainSpawn(error: unknown, tool: string): unknown {
  if (!hasCode(error, 'ENOENT', 'EACCES')) return error;
  return new BuilderError(
    'sandbox-unavailable',
    `Cannot run "${tool}": Nix is not installed, or not in PATH`,
    {
      hint: 'Install Nix (Debian: nix-bin; or https://nixos.org/download), or use another executor',
      cause: error,
    },
  );
}
