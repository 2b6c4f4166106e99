import { randomUUID } from 'node:crypto';
import { access, mkdtemp, open, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { dataDir } from '../../data-dir.ts';
import { BuilderError } from '../../error.ts';
import { explainDiskFull } from '../../store/errno.ts';
import { removeTree } from '../../store/remove-tree.ts';
import { defaultStoreDir } from '../../store/store-dir.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { ENTRY_TOOLS, LOADER, MOUNT_POINTS } from '../enter.ts';
import type { Executor, Root, Step, StepIo } from '../executor.ts';
import { stepFailure, stepLimit } from '../failure.ts';
import { folderBytes } from '../limits.ts';
import { stepBinds } from '../step-binds.ts';
import { nixFailure, noNamespaces, sandboxIsOff } from './diagnose-nix.ts';
import { type BuilderInput, enterScript } from './enter-script.ts';
import { parseNixMessage } from './messages.ts';
import { unpackExport } from './nar.ts';
import { NixStore } from './nix-store.ts';
import { runNix, streamNix } from './run-nix.ts';
import { nixOptions, readNixSettings } from './settings.ts';

/** As in the sandbox. */
const MAX_LOG_BYTES = 256 * 2 ** 20;
const TAIL_LINES = 20;

/** The last line of `nix/step.sh` where the step did not end well. */
const REPORT = 'altee-nix-step: ';

/** What `nix/step.sh` uses besides the tools that every executor needs. */
const BUILDER_TOOLS = ['cat', 'chmod', 'cp', 'du', 'mkfifo', 'nproc', 'sleep', 'stat', 'touch'] as const;

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
interface Workshop {
  readonly options: readonly string[];
  readonly store: NixStore;
}

/**
 * The executor that has Nix run steps as derivations in its sandbox, on this machine or wherever the owner's nix.conf sends
 * them. Works with the daemon and without one. Nix keeps what it built: a step that it has, or finds in a binary cache that
 * the owner trusts, is not run again.
 */
export function nixExecutor(options: NixOptions = {}): Executor {
  const jobs = options.jobs ?? availableParallelism();
  let opening: Promise<Workshop> | undefined;
  const workshop = () => {
    opening ??= openNix(options);
    return opening;
  };
  const fresh = options.fresh === true;
  return {
    name: 'nix',
    check: async (root) => checkNix(root, await workshop(), jobs),
    execute: async (step, io) => executeStep(step, io, await workshop(), jobs, fresh),
  };
}

async function openNix({ linksDir, fresh = false }: NixOptions): Promise<Workshop> {
  const options = await nixOptions(await readNixSettings(), !fresh);
  const store = new NixStore({
    linksDir: linksDir ?? join(defaultStoreDir(), 'nix'),
    nixOptions: options,
    verify: fresh,
  });
  return { options, store };
}

async function executeStep(
  step: Step,
  io: StepIo,
  nix: Workshop,
  jobs: number,
  fresh: boolean,
): Promise<void> {
  io.signal?.throwIfAborted();
  await checkRoot(step.root);
  const folder = await temporaryFolder('altee-nix-');
  try {
    const request = join(folder, 'request.json');
    await writeFile(request, JSON.stringify(await buildRequest(step, io, nix, fresh)));
    const storePath = await buildStep(step, io, nix, { request, link: join(folder, 'result'), jobs });
    await takeOutput(step, io, nix, storePath);
  } catch (error) {
    throw explainDiskFull(error, io.outDir);
  } finally {
    await removeTree(folder);
  }
}

/** The argument of `nix/step.nix`, with everything that the step reads in the Nix store. */
async function buildRequest(step: Step, io: StepIo, { store }: Workshop, fresh: boolean): Promise<object> {
  const { root, signal } = { root: step.root, signal: io.signal };
  if (JSON.stringify([step.script, step.env]).includes('\\u0000')) {
    throw new BuilderError('invalid-input', `Step "${step.name}" has a NUL in its script or environment`);
  }
  const rootPath = await store.add('altee-root', root.path, root.digest, root, signal);
  // Checks names and presence of the inputs.
  await stepBinds(step, io);
  const inputs: BuilderInput[] = [];
  const storePaths: string[] = [];
  const copies: { name: string; seconds: number; path: string }[] = [];
  for (const [name, input] of Object.entries(step.inputs)) {
    const found = await stat(input.path);
    const path = await store.add('altee-input', input.path, input.digest, root, signal);
    const writable = (found.mode & 0o200) !== 0;
    if (writable) copies.push({ name, seconds: Math.floor(found.mtimeMs / 1000), path });
    storePaths.push(path);
    inputs.push({
      name,
      kind: found.isDirectory() ? 'dir' : 'file',
      storePath: writable ? undefined : path,
    });
  }
  return {
    name: `altee-${step.name.replace(/[^A-Za-z0-9]+/g, '-').toLowerCase()}`.slice(0, 100),
    root: rootPath,
    inputs: storePaths,
    copies,
    enter: enterScript(step, inputs),
    outputBytes: step.limits.outputBytes,
    ...(fresh ? { run: randomUUID() } : {}),
  };
}

/** The store path of the step's output. */
async function buildStep(
  step: Step,
  io: StepIo,
  nix: Workshop,
  { request, link, jobs }: { request: string; link: string; jobs: number },
): Promise<string> {
  const tail: string[] = [];
  const problems: string[] = [];
  let report: string | undefined;
  const log = await open(io.logFile, 'a', 0o644);
  try {
    let written = Promise.resolve();
    const onLine = (line: string) => {
      const message = parseNixMessage(line);
      if (message?.kind === 'problem') push(problems, message.text);
      if (message?.kind === 'activity') io.onLine?.(message.text);
      if (message?.kind !== 'log') return;
      if (message.line.startsWith(REPORT)) {
        report = message.line.slice(REPORT.length);
        return;
      }
      push(tail, message.line);
      const text = `${message.line}\n`;
      written = written.then(() => log.appendFile(text));
      written.catch(() => {});
      io.onLine?.(message.line);
    };
    const args = [
      join(dataDir('nix'), 'step.nix'),
      ...nix.options,
      ...['--argstr', 'request', request],
      ...['--out-link', link],
      ...['--log-format', 'internal-json'],
      ...['--cores', String(jobs)],
      ...['--timeout', String(Math.ceil(step.limits.seconds))],
      ...['--option', 'max-log-size', String(MAX_LOG_BYTES)],
    ];
    const exit = await runNix('nix-build', args, { onLine, signal: io.signal, wrap: dieWithUs(step.root) });
    await written;
    if (exit.code === 0) return exit.stdout.trim();
    throw await buildFailure(step, { report, tail, problems, logFile: io.logFile });
  } finally {
    await log.close();
  }
}

interface FailedBuild {
  readonly report: string | undefined;
  readonly tail: readonly string[];
  readonly problems: readonly string[];
  readonly logFile: string;
}

/** Why a build failed: what `step.sh` reported, or else what Nix says. */
async function buildFailure(
  step: Step,
  { report, tail, problems, logFile }: FailedBuild,
): Promise<BuilderError> {
  const [kind = '', ...rest] = report?.split(' ') ?? [];
  const detail = rest.join(' ');
  if (kind === 'failed') return stepFailure(step, { code: Number(detail), signal: null }, tail, logFile);
  if (kind === 'stopped') return stepLimit(step, detail, tail, logFile);
  if (kind === 'no-sandbox') return sandboxIsOff([...tail, ...problems]);
  if (kind === 'not-entered') return await noNamespaces(step.root, tail);
  if (kind === 'special-file') {
    return new BuilderError('step-failed', `Step "${step.name}" left a special file at "$OUT/${detail}"`, {
      hint: 'Only directories, regular files and symbolic links can be kept in $OUT',
    });
  }
  const said = problems.join('\n');
  if (/timed out after \d+ seconds/.test(said)) return stepLimit(step, 'time', tail, logFile);
  if (/killed after writing more than/.test(said)) return stepLimit(step, 'log-size', tail, logFile);
  if (
    /builder for .* failed|build of .* failed/.test(said) &&
    !/No space left/.test(said) &&
    tail.length > 0
  ) {
    return new BuilderError('step-failed', `Step "${step.name}" was ended by Nix: ${problems[0] ?? ''}`, {
      hint: `The whole log is in ${logFile}`,
      details: [...tail, ...problems],
    });
  }
  return await nixFailure(step.root, [...tail, ...problems]);
}

/** Brings the output's files, and only those, back from the Nix store, which may be on another file system or machine. */
async function takeOutput(step: Step, io: StepIo, { options }: Workshop, storePath: string): Promise<void> {
  const exit = await streamNix(
    'nix-store',
    [...options, '--export', storePath],
    { signal: io.signal },
    (stdout) => unpackExport(stdout, io.outDir),
  );
  if (exit.code !== 0) throw await nixFailure(step.root, exit.tail);
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

/** The root must hold what brings a process into it; a root without it is a wrong lock, not a wrong machine. */
async function checkRoot(root: Root): Promise<void> {
  const tools = [...ENTRY_TOOLS, ...BUILDER_TOOLS].map((tool) => `usr/bin/${tool}`);
  for (const name of [LOADER, ...tools, ...MOUNT_POINTS]) {
    await access(join(root.path, name)).catch(() => {
      throw new BuilderError('lock-invalid', `The root ${root.digest} has no "/${name}"`, {
        hint: 'The toolchain needs the packages util-linux, mount, coreutils and dash: run "altee lock --update"',
      });
    });
  }
}

/** Runs a step that Nix can't have yet. */
async function checkNix(root: Root, nix: Workshop, jobs: number): Promise<void> {
  const scratch = await temporaryFolder('altee-check-');
  try {
    const [outDir, workDir] = [await mkdtemp(join(scratch, 'out-')), await mkdtemp(join(scratch, 'work-'))];
    const probe: Step = {
      name: 'check',
      root,
      script: 'true',
      env: {},
      inputs: {},
      limits: { seconds: 60, outputBytes: 1 << 16, processes: 16 },
    };
    await executeStep(probe, { outDir, workDir, logFile: join(scratch, 'log') }, nix, jobs, true);
  } finally {
    await removeTree(scratch);
  }
}

function push(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > TAIL_LINES) lines.shift();
}
