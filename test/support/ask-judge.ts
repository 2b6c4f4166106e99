import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuilderError } from '../../packages/builder/src/error.ts';
import type { Root } from '../../packages/builder/src/executor/executor.ts';
import { sandboxExecutor } from '../../packages/builder/src/executor/sandbox.ts';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';

/**
 * Runs a script in a root of judges, with `files` in its working folder, and gives the text of all that it left in
 * `$OUT`, by name. A script that fails, fails the test.
 */
export async function askJudge(
  root: Root,
  script: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  results: readonly string[],
): Promise<Record<string, string>> {
  const base = await mkdtemp(join(tmpdir(), 'altee-judge-'));
  try {
    const [input, outDir, workDir] = ['input', 'out', 'work'].map((name) => join(base, name));
    for (const folder of [input, outDir, workDir]) await mkdir(folder ?? base);
    for (const [name, content] of Object.entries(files)) await writeFile(join(base, 'input', name), content);
    await sandboxExecutor().execute(
      {
        name: 'Ask a judge',
        root,
        script: `cp /src/files/* .\n${script}`,
        env: {},
        inputs: { files: { path: input ?? '', digest: `sha256:${'0'.repeat(64)}` } },
        limits: { seconds: 300, outputBytes: 1 << 26, processes: 64 },
      },
      { outDir: outDir ?? '', workDir: workDir ?? '', logFile: join(base, 'log') },
    );
    const texts = results.map(async (name) => [
      name,
      (await readFile(join(base, 'out', name), 'utf8')).trim(),
    ]);
    return Object.fromEntries(await Promise.all(texts));
  } catch (error) {
    const details = error instanceof BuilderError ? error.details.join('\n') : '';
    throw new Error(`The judge gave no answer:\n${details}`, { cause: error });
  } finally {
    await removeTree(base);
  }
}
