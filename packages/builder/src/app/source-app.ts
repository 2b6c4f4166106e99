import { join, relative } from 'node:path';
import type { Manifest } from '@altee/manifest';
import type { Root, Step, StepInput } from '../executor/executor.ts';
import { outputDigest, runStep } from '../executor/run-step.ts';
import type { AppContext, BuiltApp } from './build-app.ts';
import { checkEntrypoint } from './entrypoint.ts';
import { findSource } from './source-folder.ts';
import { sourceTree } from './source-tree.ts';

/** Where both commands find `$CACHE`: tools that note their cache's path find it unchanged. */
const CACHE = '/build/cache';

/**
 * Builds the application from the project's source in the root `app`. Everything that `run` leaves in `$OUT` goes
 * into the image. Throws `app-unusable`, `invalid-input`, and what steps throw.
 */
export async function buildFromSource(
  context: AppContext,
  build: NonNullable<Manifest['app']['build']>,
  { folder, root }: { folder: string; root: Root },
): Promise<BuiltApp> {
  const { executor, store } = context;
  const sourceFolder = await findSource(folder, build.source);
  const source = await sourceTree(store, sourceFolder, isProjectFile(folder, sourceFolder));
  const cache = build.prepare === undefined ? undefined : await prepare(context, root, build.prepare);
  const out = await runStep(executor, store, runCommandStep(root, build.run, source, cache), context);
  await checkEntrypoint(out, build.entrypoint);
  return { folder: out, entrypoint: build.entrypoint };
}

/** Runs `prepare` unless its cache is in the store: it depends on the root and the command alone. */
async function prepare(context: AppContext, root: Root, command: string): Promise<StepInput> {
  const out = await runStep(context.executor, context.store, prepareStep(root, command), context);
  return { path: join(out, 'cache'), digest: await outputDigest(out) };
}

function prepareStep(root: Root, command: string): Step {
  return {
    name: 'Prepare the application',
    root,
    script: `mkdir "$CACHE"
${inShell(command)}
cp -a "$CACHE" "$OUT/cache"
`,
    env: { CACHE },
    inputs: {},
    limits: { seconds: 3600, outputBytes: 8 * 2 ** 30, processes: 4096 },
  };
}

function runCommandStep(root: Root, command: string, source: StepInput, cache?: StepInput): Step {
  return {
    name: 'Build the application',
    root,
    script: `${cache ? 'cp -a /src/cache "$CACHE"' : 'mkdir "$CACHE"'}
cp -a /src/source /build/source
chmod -R u+w "$CACHE" /build/source
cd /build/source
${inShell(command)}
`,
    env: { CACHE },
    inputs: { source, ...(cache ? { cache } : {}) },
    limits: { seconds: 3600, outputBytes: 4 * 2 ** 30, processes: 4096 },
  };
}

/** The user's command in a shell of its own: its `exit`, variables and syntax errors stay its own. */
function inShell(command: string): string {
  return `sh -eux -c '${command.replaceAll("'", `'\\''`)}'`;
}

/**
 * Manifest, lock and reference values beside the source are no part of it: they say how the application is started
 * and what is expected, so that a change there must not build it anew.
 */
export function isProjectFile(folder: string, sourceFolder: string): (path: string) => boolean {
  if (relative(sourceFolder, folder) !== '') return () => false;
  return (path) => /^altee\.(?:yaml|yml|lock)$|^reference(?:\/|$)/.test(path);
}
