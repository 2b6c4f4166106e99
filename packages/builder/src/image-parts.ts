import type { Lock } from '@altee/manifest';
import { type BuiltApp, buildApp } from './app/build-app.ts';
import type { Executor } from './executor/executor.ts';
import { type BuiltInit, buildInit } from './guest/build-init.ts';
import { imageConfig } from './guest/image-config.ts';
import { buildInitramfs, initramfsEntries, lastEntry } from './image/initramfs.ts';
import { osRelease } from './image/os-release.ts';
import { treeEntries } from './image/tree-entries.ts';
import { assembleUki, type Uki } from './image/uki.ts';
import { type BuiltKernel, buildKernel } from './kernel/build-kernel.ts';
import type { Project } from './project.ts';
import { checkFileInPackage } from './root-file.ts';
import type { LockedRoots } from './roots.ts';
import { fetchAll, type Workshop } from './workshop.ts';

/** Everything that a build step needs to know. */
export interface BuildContext {
  readonly project: Project;
  readonly lock: Lock;
  readonly roots: LockedRoots;
  readonly workshop: Workshop;
  readonly executor: Executor;
}

/** The merged image and the kernel in it. */
export interface BuiltImage {
  readonly uki: Uki;
  readonly kernel: BuiltKernel;
}

/** Builds kernel, PID 1 and application side by side, then merges them. */
export async function buildImage(context: BuildContext): Promise<BuiltImage> {
  const [kernel, init, app] = await allOrFirstFailure(context.workshop.signal, (signal) => {
    const abortable = { ...context, workshop: { ...context.workshop, signal } };
    return [buildImageKernel(abortable), buildImageInit(abortable), buildImageApp(abortable)];
  });
  const initrd = await buildImageInitramfs(context, init, app);
  const { project, lock, roots, workshop, executor } = context;
  const root = await roots.get('image');
  const uki = await assembleUki(
    { executor, root, ...workshop },
    {
      stub: await checkFileInPackage(root, lock.stub),
      kernel: kernel.bzImage,
      initrd,
      osRelease: osRelease(project.manifest),
      cmdline: kernel.cmdline,
    },
  );
  return { uki, kernel };
}

/** The path of the initramfs that holds PID 1, its configuration and the application. */
export async function buildImageInitramfs(
  { project, roots, workshop, executor }: BuildContext,
  init: BuiltInit,
  app: BuiltApp,
): Promise<string> {
  const appEntries = await treeEntries(app.folder, 'app');
  const initEntry = { kind: 'file', path: 'init', mode: 0o500, source: init.path } as const;
  const config = await imageConfig(project.manifest, app, [initEntry, ...appEntries, lastEntry]);
  const entries = initramfsEntries({ init: init.path, config, app: appEntries });
  const { path } = await buildInitramfs({ executor, root: await roots.get('image'), ...workshop }, entries);
  return path;
}

export async function buildImageKernel({
  project,
  lock,
  roots,
  workshop,
  executor,
}: BuildContext): Promise<BuiltKernel> {
  const { kernel, hardening, network } = project.manifest;
  const { name, version, line, ...file } = lock.kernel;
  const [root, paths] = await Promise.all([
    roots.get('kernel'),
    fetchAll(workshop, [{ name, file }], `Fetch linux ${version}`),
  ]);
  return buildKernel(
    { executor, root, ...workshop },
    {
      line,
      source: { path: paths.get(name) ?? '', sha256: file.sha256, version },
      request: {
        features: kernel.features,
        network: network.mode !== 'none',
        require: kernel.require,
        forbid: kernel.forbid,
        exceptions: hardening.exceptions,
        cmdline: kernel.cmdline,
        initOnFree: hardening.initOnFree,
      },
    },
  );
}

/** PID 1. */
export async function buildImageInit({ roots, workshop, executor }: BuildContext): Promise<BuiltInit> {
  return buildInit({ executor, root: await roots.get('guest'), ...workshop });
}

/** The application, as the manifest describes it. */
export async function buildImageApp({ project, roots, workshop, executor }: BuildContext): Promise<BuiltApp> {
  const root = project.manifest.app.build ? await roots.get('app') : undefined;
  return buildApp({ executor, ...workshop }, { app: project.manifest.app, folder: project.folder, root });
}

/**
 * Like `Promise.all`, but the first failure ends the other work, and is thrown when all of it has ended: nothing
 * works on after an error was shown.
 */
async function allOrFirstFailure<T extends readonly unknown[]>(
  signal: AbortSignal | undefined,
  start: (signal: AbortSignal) => { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const failure = new AbortController();
  const work = start(AbortSignal.any(signal ? [signal, failure.signal] : [failure.signal]));
  for (const promise of work) promise.catch((reason: unknown) => failure.abort(reason));
  const settled = await Promise.allSettled(work);
  if (failure.signal.aborted) throw failure.signal.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
