import { chown, lchown, readdir, readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import { explainDiskFull } from '../store/errno.ts';
import { checkRoot } from './check-root.ts';
import { diagnoseNamespaces, gatherNamespaceFacts } from './diagnose.ts';
import { enterRoot } from './enter.ts';
import { stepCommand, stepEnvironment } from './environment.ts';
import type { Executor, Root, Step, StepIo } from './executor.ts';
import { stepFailure, stepLimit } from './failure.ts';
import { chooseIdentity, gatherIdentityFacts, type Identity, isPrivileged } from './identity.ts';
import { diskGuard, folderBytes } from './limits.ts';
import { probe } from './probe.ts';
import { stepBinds } from './step-binds.ts';
import { StepLog } from './step-log.ts';
import { supervise, timeGuard } from './supervise.ts';

/** A single file of a step's own working may be this large even where its output may not. */
const MIN_FILE_BYTES = 4 * 2 ** 30;

export interface SandboxOptions {
  /** `$JOBS` of every step; the machine's processors by default. */
  readonly jobs?: number;
}

/**
 * The executor that needs no daemon and no package: Linux namespaces, entered through the root's own `unshare`.
 * Works the same for an ordinary user and for root.
 */
export function sandboxExecutor(options: SandboxOptions = {}): Executor {
  const jobs = options.jobs ?? availableParallelism();
  return {
    name: 'sandbox',
    check: (root) => probe(root, (step, io) => executeStep(step, io, jobs)),
    execute: (step, io) => executeStep(step, io, jobs),
  };
}

/** Steps run at once by this process each get a host id of their own. */
let runs = 0;

async function executeStep(step: Step, io: StepIo, jobs: number): Promise<void> {
  io.signal?.throwIfAborted();
  await checkRoot(step.root);
  const binds = await stepBinds(step, io);
  const identity = await identityFor(step);
  if (identity.kind === 'mapped') {
    for (const dir of [io.outDir, io.workDir]) await chown(dir, identity.hostId, identity.hostId);
  }
  const command = enterRoot({
    rootPath: step.root.path,
    binds,
    network: 'none',
    identity,
    env: stepEnvironment(step, jobs),
    limits: {
      processes: step.limits.processes,
      fileBytes: Math.max(step.limits.outputBytes, MIN_FILE_BYTES),
    },
    procLimits: await readFile('/proc/self/limits', 'utf8'),
    command: stepCommand(step),
  });

  const log = await StepLog.open(io);
  try {
    const exit = await supervise(command, {
      onOutput: (chunk) => log.push(chunk),
      guards: [
        timeGuard(step.limits.seconds, 'time'),
        diskGuard(io.outDir, io.workDir, step.limits.outputBytes),
        log.guard,
      ],
      ...(io.signal === undefined ? {} : { signal: io.signal }),
    });
    log.end();
    io.signal?.throwIfAborted();
    if (exit.killedFor !== undefined) throw stepLimit(step, exit.killedFor, log.tail, io.logFile);
    if (!exit.entered) throw await unavailable(step.root, log.tail);
    if (exit.code !== 0) throw stepFailure(step, exit, log.tail, io.logFile);
    if ((await folderBytes(io.outDir, step.limits.outputBytes)) > step.limits.outputBytes) {
      throw stepLimit(step, 'output-size', log.tail, io.logFile);
    }
  } catch (error) {
    if (isSpawnError(error)) throw await unavailable(step.root, [error.message]);
    throw explainDiskFull(error, io.logFile);
  } finally {
    await log.close();
    if (identity.kind === 'mapped') await takeBack(io.outDir);
  }
}

/** A host id of its own needs everything that it reads to be readable by others; the store's entries are. */
async function identityFor(step: Step): Promise<Identity> {
  const facts = await gatherIdentityFacts();
  const identity = chooseIdentity(facts, process.pid + runs++ * 257);
  for (const path of [step.root.path, ...Object.values(step.inputs).map((input) => input.path)]) {
    const { mode } = await stat(path);
    if ((mode & 0o004) === 0) return { kind: 'caller', privileged: isPrivileged(facts) };
  }
  return identity;
}

/** Gives what the step's host id made to us; links are not followed. Nothing of the step runs any more. */
async function takeBack(dir: string): Promise<void> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  await lchown(dir, uid, gid);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await takeBack(path);
    else await lchown(path, uid, gid);
  }
}

async function unavailable(root: Root, tail: readonly string[]): Promise<BuilderError> {
  const { cause, remedy } = diagnoseNamespaces(await gatherNamespaceFacts(root.path, tail.join('\n')));
  return new BuilderError('sandbox-unavailable', `Cannot start the sandbox: ${cause}`, {
    hint: `${remedy}. Or build with "--executor docker", which needs no user namespaces but Docker or Podman`,
    details: tail,
  });
}

/** The root's loader could not be started at all, on a file system mounted "noexec" for one. */
function isSpawnError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn ');
}
