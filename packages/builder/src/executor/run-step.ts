import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuilderError } from '../error.ts';
import type { Reporter, Task } from '../report.ts';
import { logFolder } from '../store/log-folder.ts';
import { removeTree } from '../store/remove-tree.ts';
import type { Store } from '../store/store.ts';
import type { Executor, Step } from './executor.ts';
import { normaliseOutput, treeDigest } from './output-tree.ts';
import { printable } from './printable.ts';
import { stepKey } from './step-key.ts';

export interface RunStepOptions {
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Runs a step unless the store has its output already, and gives the path of what was `$OUT`; nobody writes to it
 * any more. A step with the same key that another process runs right now is waited for, not run twice. Throws what
 * the executor throws; the log of a step that failed stays, and the error names it.
 */
export async function runStep(
  executor: Executor,
  store: Store,
  step: Step,
  options: RunStepOptions,
): Promise<string> {
  const key = stepKey(step);
  const tree = (await store.tree('output', key)) ?? (await makeOutput(executor, store, step, key, options));
  return join(tree, 'out');
}

/**
 * `sha256:` and the digest of the content of a step's output, given the path that `runStep` gave. Name it as the
 * digest of an input made by a step: later steps are then keyed by what came out, not by how it was made.
 */
export async function outputDigest(outPath: string): Promise<string> {
  return `sha256:${(await readFile(join(dirname(outPath), 'digest'), 'utf8')).trim()}`;
}

async function makeOutput(
  executor: Executor,
  store: Store,
  step: Step,
  key: string,
  { reporter, signal }: RunStepOptions,
): Promise<string> {
  const task = reporter.start(step.name);
  const path = await store.addTree('output', key, (tree) =>
    execute(executor, store, step, tree, task, signal),
  );
  task.done();
  return path;
}

/** In the tree: `out`, and beside it `digest`, so that a cached output need not be read again to be named. */
async function execute(
  executor: Executor,
  store: Store,
  step: Step,
  tree: string,
  task: Task,
  signal: AbortSignal | undefined,
): Promise<void> {
  const outDir = join(tree, 'out');
  await mkdir(outDir, { mode: 0o755 });
  const work = await store.tempDir();
  const logDir = await logFolder(store);
  const logFile = join(logDir, `${step.name.replace(/[^A-Za-z0-9._-]+/g, '-')}.log`);
  try {
    await executor.execute(step, {
      outDir,
      workDir: work.path,
      logFile,
      onLine: (line) => task.output(printable(line)),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    // A log is worth keeping only where a step ran and its error names the log.
    const ran = error instanceof BuilderError && ['step-failed', 'step-limit'].includes(error.code);
    if (!ran) await removeTree(logDir);
    throw error;
  } finally {
    await work.dispose();
  }
  await removeTree(logDir);
  await normaliseOutput(outDir, step.name);
  await writeFile(join(tree, 'digest'), `${await treeDigest(outDir)}\n`);
}
