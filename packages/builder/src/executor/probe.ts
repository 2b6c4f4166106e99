import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../store/remove-tree.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import type { Executor, Root } from './executor.ts';

/** Runs the smallest step there is: throws what stands in the way of every step in this root. */
export async function probe(root: Root, execute: Executor['execute']): Promise<void> {
  const scratch = await temporaryFolder('altee-check-');
  try {
    const [outDir, workDir] = [await mkdtemp(join(scratch, 'out-')), await mkdtemp(join(scratch, 'work-'))];
    await execute(
      {
        name: 'check',
        root,
        script: 'true',
        env: {},
        inputs: {},
        limits: { seconds: 30, outputBytes: 4096, processes: 16 },
      },
      { outDir, workDir, logFile: join(scratch, 'log') },
    );
  } finally {
    await removeTree(scratch);
  }
}
