import { spawn } from 'node:child_process';
import { chown, lchown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { BuilderError } from '../error.ts';
import type { Root } from '../executor/executor.ts';
import type { ExecutorName } from '../executor/executors.ts';
import { LineSplitter } from '../executor/lines.ts';
import type { Task } from '../report.ts';
import { ifPresent } from '../store/errno.ts';
import type { Conditions } from './conditions.ts';
import { launchUnder } from './launch.ts';
import type { RebuildAnswer, RebuildRequest } from './rebuild-child.ts';
import type { RecordedStep } from './rebuild-step.ts';

/** What starts processes under conditions. */
export interface Launcher {
  readonly root: Root;
  readonly isRoot: boolean;
  /** How this program is started: Node, its options, the program. */
  readonly program: readonly string[];
  readonly memory: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Lines of a process that died without an answer. */
const TAIL_LINES = 20;

type Distributed<T> = T extends unknown ? Omit<T, 'executor' | 'jobs' | 'memory' | 'resultFile'> : never;

/**
 * Has a process of its own do a request under conditions, in `folder`, and gives its answer. Throws `machine-failed`
 * where it died without one, and the signal's reason when aborted.
 */
export async function rebuildUnder(
  launcher: Launcher,
  conditions: Conditions,
  folder: string,
  request: Distributed<RebuildRequest>,
  task: Task,
): Promise<RebuildAnswer> {
  const { root, isRoot, program, memory, signal } = launcher;
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true });
  const requestFile = join(folder, 'request.json');
  const resultFile = join(folder, 'answer.json');
  const whole = {
    ...request,
    executor: conditions.executor as ExecutorName,
    jobs: Number(conditions.jobs),
    memory: conditions['directory order'] === 'of memory' ? memory : undefined,
    resultFile,
  };
  await writeFile(requestFile, JSON.stringify(whole), { mode: 0o644 });
  await rm(resultFile, { force: true });
  const owner = conditions.user === 'own' ? undefined : Number(conditions.user);
  if (owner !== undefined) {
    await giveTo(folder, owner);
    if (whole.memory !== undefined) await chown(whole.memory, owner, owner);
  }
  const launch = launchUnder(conditions, {
    root,
    isRoot,
    command: [...program, '--verbose', 'audit', '--rebuild', requestFile],
    storeDir: join(folder, 'store'),
    home,
  });

  const tail: string[] = [];
  const lines = new LineSplitter((line) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    task.output(line);
  });
  const child = spawn(launch.file, launch.args, {
    cwd: folder,
    env: { ...launch.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const drain = async (stream: Readable) => {
      for await (const chunk of stream) lines.push(chunk as Uint8Array);
    };
    const [code] = await Promise.all([ended, drain(child.stdout), drain(child.stderr)]);
    lines.end();
    signal?.throwIfAborted();
    const answer = await ifPresent(readFile(resultFile, 'utf8'));
    if (answer !== undefined) return JSON.parse(answer) as RebuildAnswer;
    throw new BuilderError('machine-failed', `A rebuild ended without an answer (exit code ${code})`, {
      details: tail,
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** The steps that a rebuild ran, by key. */
export async function readRecord(file: string): Promise<Map<string, RecordedStep>> {
  const text = (await ifPresent(readFile(file, 'utf8'))) ?? '';
  const steps = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedStep);
  return new Map(steps.map((step) => [step.key, step]));
}

/** Whether the program runs under these conditions at all. */
export async function runsUnder(
  launcher: Launcher,
  conditions: Conditions,
  folder: string,
): Promise<boolean> {
  const { root, isRoot, program } = launcher;
  const launch = launchUnder(conditions, {
    root,
    isRoot,
    command: [...program, '--version'],
    storeDir: join(folder, 'store'),
    home: folder,
  });
  return new Promise((resolve) => {
    const child = spawn(launch.file, launch.args, { cwd: '/', env: { ...launch.env }, stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** Makes a folder and all that is in it another user's; what links lead to stays whose it is. */
async function giveTo(folder: string, owner: number): Promise<void> {
  await lchown(folder, owner, owner);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveTo(path, owner);
    else await lchown(path, owner, owner);
  }
}
