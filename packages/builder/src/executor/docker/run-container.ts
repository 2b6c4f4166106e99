import type { Readable } from 'node:stream';
import { BuilderError } from '../../error.ts';
import { explainDiskFull } from '../../store/errno.ts';
import { OUT_PATH } from '../environment.ts';
import type { Step, StepIo } from '../executor.ts';
import { stepFailure, stepLimit } from '../failure.ts';
import { folderBytes } from '../limits.ts';
import { printable } from '../printable.ts';
import { StepLog } from '../step-log.ts';
import { timeGuard } from '../supervise.ts';
import { command, type Engine, runCommand } from './command.ts';
import { removeContainer } from './container.ts';
import { diskWatch } from './disk-watch.ts';
import { engineFailure } from './engine-error.ts';
import { OutputTooLarge, readOutput } from './read-output.ts';

export interface StepContainer {
  readonly engine: Engine;
  /** Id of the root's image. */
  readonly image: string;
  /** Id of the container, which was made and not started. */
  readonly container: string;
}

/**
 * Runs a step's container to its end and takes its output. Throws what `Executor.execute` throws, and the engine's
 * failures; the container may be gone then.
 */
export async function runContainer(place: StepContainer, step: Step, io: StepIo): Promise<void> {
  const log = await StepLog.open(io);
  try {
    await runToEnd(place, step, io, log);
    await takeOutput(place, step, io, log);
  } catch (error) {
    throw explainDiskFull(error, io.logFile);
  } finally {
    await log.close();
  }
}

async function runToEnd(
  { engine, image, container }: StepContainer,
  step: Step,
  io: StepIo,
  log: StepLog,
): Promise<void> {
  let killedFor: string | undefined;
  const kill = async (reason: string) => {
    killedFor ??= reason;
    // Not "kill", which fails on a container that is only about to start, and so would let it run.
    await removeContainer(engine, container).catch(() => {});
  };
  const onAbort = () => void kill('aborted');
  io.signal?.throwIfAborted();
  io.signal?.addEventListener('abort', onAbort, { once: true });
  const stop = new AbortController();
  const { seconds, outputBytes } = step.limits;
  const guards = [
    timeGuard(seconds, 'time'),
    diskWatch({ engine, image, container, outputBytes, seconds }),
    log.guard,
  ].map(async (guard) => {
    const reason = await guard(stop.signal);
    if (reason !== undefined) await kill(reason);
  });
  try {
    const args = ['start', '--attach', container];
    const exit = await runCommand(engine, args, { onOutput: (output) => drain(output, log) });
    stop.abort();
    if (killedFor === undefined) await log.push(Buffer.from(exit.stderr));
    log.end();
    io.signal?.throwIfAborted();
    if (killedFor === 'engine-disk-full') throw engineDiskFull(step, log);
    if (killedFor !== undefined) throw stepLimit(step, killedFor, log.tail, io.logFile);
    if (exit.problem !== undefined) throw exit.problem;
    const state = await stateOf(engine, container);
    // The client ends before the step where it loses the engine.
    if (!state.hasStarted || state.isRunning) throw engineFailure(engine, args, exit);
    if (state.code !== 0) throw stepFailure(step, { code: state.code, signal: null }, log.tail, io.logFile);
  } finally {
    io.signal?.removeEventListener('abort', onAbort);
    stop.abort();
    await Promise.allSettled(guards);
  }
}

async function takeOutput(
  { engine, container }: StepContainer,
  step: Step,
  io: StepIo,
  log: StepLog,
): Promise<void> {
  const bytes = step.limits.outputBytes;
  const args = ['cp', `${container}:${OUT_PATH}`, '-'];
  // Only Docker repeats the folder's name.
  const top = engine.kind === 'docker' ? OUT_PATH.slice(1) : undefined;
  const exit = await runCommand(engine, args, {
    signal: io.signal,
    onOutput: (output) => readOutput(output, top, io.outDir, { bytes, stepName: step.name }),
  });
  const { problem } = exit;
  const isTooLarge =
    problem instanceof OutputTooLarge ||
    (problem === undefined && (await folderBytes(io.outDir, bytes)) > bytes);
  if (isTooLarge) throw stepLimit(step, 'output-size', log.tail, io.logFile);
  // A client that fails leaves an archive that ends early: why it failed says more.
  const endedEarly = problem instanceof BuilderError && problem.code === 'executor-unavailable';
  if (problem !== undefined && !(endedEarly && exit.stderr.trim() !== '')) throw problem;
  if (exit.code !== 0) throw engineFailure(engine, args, exit);
}

async function drain(output: Readable, log: StepLog): Promise<void> {
  for await (const chunk of output) await log.push(chunk as Uint8Array);
}

interface ContainerState {
  readonly hasStarted: boolean;
  readonly isRunning: boolean;
  readonly code: number;
}

async function stateOf(engine: Engine, container: string): Promise<ContainerState> {
  const text = await command(engine, [
    'inspect',
    '--type',
    'container',
    '--format',
    '{{json .State}}',
    container,
  ]);
  const state = JSON.parse(text) as { Running?: boolean; StartedAt?: string; ExitCode?: number };
  return {
    // Go's zero time stands for "never".
    hasStarted: state.StartedAt !== undefined && !state.StartedAt.startsWith('0001-'),
    isRunning: state.Running === true,
    code: state.ExitCode ?? -1,
  };
}

function engineDiskFull(step: Step, log: StepLog): BuilderError {
  return new BuilderError(
    'disk-full',
    `Step "${step.name}" was stopped before the disk of the container engine was full`,
    {
      hint: 'Free some space where the engine runs: "docker system df" shows what takes it',
      details: log.tail.map(printable),
    },
  );
}
