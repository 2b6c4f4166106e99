import { appendFileSync } from 'node:fs';
import { copyFile, lstat, mkdir, mkdtemp, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor, Step, StepInput } from '../executor/executor.ts';
import { stepKey } from '../executor/step-key.ts';
import { removeTree } from '../store/remove-tree.ts';
import { treeSize } from '../store/tree-size.ts';

/** A step as a rebuild ran it: enough to run it again. */
export interface RecordedStep {
  readonly key: string;
  readonly step: Step;
}

/** Inputs above this stay on the disk: memory is for what is small. */
const MAX_INPUT_BYTES = 256 * 2 ** 20;

/**
 * The executor, writing down each step that it runs as a line of JSON in `recordFile`, and with `memory`, a folder on a file
 * system in memory, working there: its directories list their entries newest first, where disks list them by hash.
 */
export function recordingExecutor(inner: Executor, recordFile: string, memory: string | undefined): Executor {
  return {
    name: inner.name,
    check: (root) => inner.check(root),
    async execute(step, io) {
      const recorded: RecordedStep = { key: stepKey(step), step };
      appendFileSync(recordFile, `${JSON.stringify(recorded)}\n`);
      if (memory === undefined) return inner.execute(step, io);
      const folder = await mkdtemp(join(memory, 'altee-audit-step-'));
      try {
        const workDir = join(folder, 'work');
        await mkdir(workDir, { mode: 0o755 });
        await inner.execute({ ...step, inputs: await inMemory(step.inputs, folder) }, { ...io, workDir });
      } finally {
        await removeTree(folder);
      }
    },
  };
}

async function inMemory(inputs: Step['inputs'], folder: string): Promise<Step['inputs']> {
  const moved: [string, StepInput][] = [];
  for (const [name, input] of Object.entries(inputs)) {
    const size = await sizeOf(input.path);
    const isSmall = size <= MAX_INPUT_BYTES;
    const to = join(folder, `input-${moved.length}`);
    if (isSmall) await copyReversed(input.path, to);
    moved.push([name, isSmall ? { ...input, path: to } : input]);
  }
  return Object.fromEntries(moved);
}

async function sizeOf(path: string): Promise<number> {
  const stat = await lstat(path);
  return stat.isDirectory() ? treeSize(path) : stat.size;
}

/** A copy whose entries were made in the order of their names: a file system in memory then lists them backwards. */
async function copyReversed(from: string, to: string): Promise<void> {
  const stat = await lstat(from);
  if (stat.isSymbolicLink()) return symlink(await readlink(from), to);
  if (!stat.isDirectory()) return copyFile(from, to);
  await mkdir(to, { mode: 0o755 });
  for (const name of (await readdir(from)).sort()) await copyReversed(join(from, name), join(to, name));
}
