import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Sample } from './benchmark.ts';

export interface TimedCommand {
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Runs a command without a terminal and gives what it took. Throws with its last lines if it fails. */
export async function timeCommand({ command, env = process.env, cwd }: TimedCommand): Promise<Sample> {
  const { value, ...sample } = await timeWork(() => run(command, env, cwd));
  if (value.code !== 0) {
    throw new Error(`${command.join(' ')} ended with ${value.code}:\n${value.said.slice(-2000)}`);
  }
  return sample;
}

/** What `work` takes, with the child processes that ended meanwhile. */
export async function timeWork<T>(work: () => Promise<T>): Promise<Required<Sample> & { readonly value: T }> {
  const [began, cpuBefore] = [performance.now(), cpuSeconds()];
  const value = await work();
  return { seconds: (performance.now() - began) / 1000, cpuSeconds: cpuSeconds() - cpuBefore, value };
}

/** Runs one after the other, `count` times. */
export async function repeat(count: number, once: (index: number) => Promise<Sample>): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let index = 0; index < count; index++) samples.push(await once(index));
  return samples;
}

/** The middle one by wall time; of an even number the faster of the two. */
export function median(samples: readonly Sample[]): Sample {
  const sorted = samples.toSorted((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? { seconds: Number.NaN };
}

/** proc_pid_stat(5), `utime`, `stime`, `cutime` and `cstime`, in USER_HZ (100 on x86-64): ours and our dead children's. */
function cpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
}

function run(
  [file, ...args]: TimedCommand['command'],
  env: NodeJS.ProcessEnv,
  cwd: string | undefined,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => said.push(chunk));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said: said.join('') }));
  });
}
