import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { dataDir } from '../../data-dir.ts';
import { explainDiskFull } from '../../store/errno.ts';
import { removeTree } from '../../store/remove-tree.ts';
import { defaultStoreDir } from '../../store/store-dir.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { checkRoot } from '../check-root.ts';
import { LOADER } from '../enter.ts';
import type { Executor, Root, Step, StepIo } from '../executor.ts';
import { stepLimit } from '../failure.ts';
import { folderBytes } from '../limits.ts';
import { probe } from '../probe.ts';
import { StepLog } from '../step-log.ts';
import { buildFailure } from './build-failure.ts';
import { buildRequest } from './build-request.ts';
import { nixFailure } from './diagnose-nix.ts';
import { parseNixMessage } from './messages.ts';
import { unpackExport } from './nar.ts';
import { NixStore } from './nix-store.ts';
import { runNix, streamNix } from './run-nix.ts';
import { nixOptions, readNixSettings } from './settings.ts';

/** As in the sandbox. */
const MAX_LOG_BYTES = 256 * 2 ** 20;
/** What Nix says of its own that an error shows. */
const PROBLEM_LINES = 20;
/** The last line of `nix/step.sh` where the step did not end well. */
const REPORT = 'altee-nix-step: ';

export interface NixOptions {
  /** `$JOBS` of every step; the machine's processors by default. A remote builder has its own. */
  readonly jobs?: number;
  /**
   * Run every step anew: nothing is taken from the Nix store or a binary cache, and roots and inputs in the Nix store are
   * compared with what was put there. For audits.
   */
  readonly fresh?: boolean;
  /** Where links to added roots and inputs are kept; `nix` in altee's store by default. */
  readonly linksDir?: string;
}

/** What the executor found out when it was first used. */
interface Nix {
  readonly options: readonly string[];
  readonly store: NixStore;
  readonly jobs: number;
}

/**
 * The executor that has Nix run steps as derivations in its sandbox, on this machine or wherever the owner's nix.conf sends
 * them. Works with the daemon and without one. Nix keeps what it built: a step that it has, or finds in a binary cache that
 * the owner trusts, is not run again.
 */
export function nixExecutor(options: NixOptions = {}): Executor {
  let opening: Promise<Nix> | undefined;
  const open = () => {
    opening ??= openNix(options);
    return opening;
  };
  return {
    name: 'nix',
    // A result of an earlier probe says nothing of today.
    check: (root) => probe(root, async (step, io) => executeStep(step, io, await open(), true)),
    execute: async (step, io) => executeStep(step, io, await open(), options.fresh === true),
  };
}

async function openNix({ jobs = availableParallelism(), fresh = false, linksDir }: NixOptions): Promise<Nix> {
  const options = await nixOptions(await readNixSettings(), !fresh);
  const store = new NixStore({
    linksDir: linksDir ?? join(defaultStoreDir(), 'nix'),
    nixOptions: options,
    verify: fresh,
  });
  return { options, store, jobs };
}

async function executeStep(step: Step, io: StepIo, nix: Nix, fresh: boolean): Promise<void> {
  io.signal?.throwIfAborted();
  await checkRoot(step.root);
  const folder = await temporaryFolder('altee-nix-');
  try {
    const request = await buildRequest(step, io, nix.store, fresh);
    await writeFile(join(folder, 'request.json'), JSON.stringify(request));
    const storePath = await buildStep(step, io, nix, folder);
    await takeOutput(step, io, nix, storePath);
  } catch (error) {
    throw explainDiskFull(error, io.outDir);
  } finally {
    await removeTree(folder);
  }
}

/** The store path of the step's output, which stays as long as `folder`. */
async function buildStep(step: Step, io: StepIo, nix: Nix, folder: string): Promise<string> {
  const problems: string[] = [];
  let report: string | undefined;
  const log = await StepLog.open(io);
  try {
    let written = Promise.resolve();
    const onLine = (line: string) => {
      const message = parseNixMessage(line);
      if (message?.kind === 'activity') io.onLine?.(message.text);
      if (message?.kind === 'problem') {
        problems.push(message.text);
        if (problems.length > PROBLEM_LINES) problems.shift();
      }
      if (message?.kind !== 'log') return;
      if (message.line.startsWith(REPORT)) {
        report = message.line.slice(REPORT.length);
        return;
      }
      const bytes = Buffer.from(`${message.line}\n`);
      written = written.then(() => log.push(bytes));
      written.catch(() => {});
    };
    const args = [
      join(dataDir('nix'), 'step.nix'),
      ...nix.options,
      ...['--argstr', 'request', join(folder, 'request.json')],
      ...['--out-link', join(folder, 'result')],
      ...['--log-format', 'internal-json'],
      ...['--cores', String(nix.jobs)],
      ...['--timeout', String(Math.ceil(step.limits.seconds))],
      ...['--option', 'max-log-size', String(MAX_LOG_BYTES)],
    ];
    const exit = await runNix('nix-build', args, { onLine, signal: io.signal, wrap: dieWithUs(step.root) });
    await written;
    if (exit.code === 0) return exit.stdout.trim();
    throw await buildFailure(step, { report, tail: log.tail, problems, logFile: io.logFile });
  } finally {
    await log.close();
  }
}

/** Brings the output's files, and only those, back from the Nix store, which may be another machine's. */
async function takeOutput(step: Step, io: StepIo, { options }: Nix, storePath: string): Promise<void> {
  const exit = await streamNix(
    'nix-store',
    [...options, '--export', storePath],
    { signal: io.signal },
    (stdout) => unpackExport(stdout, io.outDir),
  );
  if (exit.code !== 0) throw await nixFailure(exit.tail);
  if ((await folderBytes(io.outDir, step.limits.outputBytes)) > step.limits.outputBytes) {
    throw stepLimit(step, 'output-size', [], io.logFile);
  }
}

/** A command line that ends with this process, however it ends: Nix then stops what it builds. */
function dieWithUs(root: Root): string[] {
  const loader = join(root.path, LOADER);
  return [
    loader,
    '--library-path',
    join(loader, '..'),
    join(root.path, 'usr/bin/setpriv'),
    '--pdeathsig=TERM',
  ];
}
