import { open, readFile } from 'node:fs/promises';
import type { Lock } from '@altee/manifest';
import { predictedEventLog, writePolicies } from '@altee/measure';
import { checkOutDir, type DistFolder, type DistResult, defaultOutDir, writeDist } from './dist.ts';
import type { Executor } from './executor/executor.ts';
import { type ExecutorName, makeExecutor } from './executor/executors.ts';
import { writeDisk } from './image/disk.ts';
import { type BuiltImage, buildImage } from './image-parts.ts';
import { checkLeaks } from './lint/check-leaks.ts';
import { encodeMeasurements, measurePlatforms, type PlatformMeasurements } from './measurements.ts';
import { hasFailed } from './platform/attempt-platform.ts';
import { openProject, type Project } from './project.ts';
import { LockedRoots } from './roots.ts';
import { takeSignedImage } from './secure-boot/signed-image.ts';
import { ensureLock } from './update-lock.ts';
import { fetchAll, openWorkshop, type Workshop, type WorkshopOptions } from './workshop.ts';

export interface BuildOptions extends WorkshopOptions {
  readonly manifestFile: string;
  /** Where the results go; `dist/<name>` beside the manifest by default. */
  readonly outDir?: string;
  /** Fail rather than write or change the lock. */
  readonly frozen: boolean;
  /** What runs the build steps; the sandbox by default. All of them give the same bytes. */
  readonly executor?: ExecutorName;
  /** The built image as the user's own tool signed it: it goes into the results and onto the disk in its place. */
  readonly signedImage?: string;
  /** Measure the other platforms where one cannot be predicted; the results folder then stays as it is. */
  readonly keepGoing?: boolean;
  /** What runs the steps, for an audit that builds under conditions of its own choice; the sandbox by default. */
  readonly stepExecutor?: Executor;
}

export interface BuildResult extends DistResult {
  readonly name: string;
}

/** What later commands need of a finished build. */
export interface Built {
  readonly project: Project;
  readonly lock: Lock;
  readonly roots: LockedRoots;
  readonly workshop: Workshop;
  readonly platforms: ReadonlyMap<string, PlatformMeasurements>;
  /** Of the EFI image: `sha256:` and 64 hex digits. */
  readonly imageSha256: string;
  /** Where the EFI image is in the store. */
  readonly ukiPath: string;
  readonly dist: BuildResult;
}

/** `altee build`: manifest and lock to image, disk and measurements in one folder. */
export async function build(options: BuildOptions): Promise<BuildResult> {
  return (await buildAll(options)).dist;
}

/** {@link build}, with everything that `altee run` goes on with. */
export async function buildAll(options: BuildOptions): Promise<Built> {
  const project = await openProject(options.manifestFile);
  const outDir = options.outDir ?? (await defaultOutDir(project.folder, project.manifest.name));
  // Before all that takes long.
  await checkOutDir(outDir);
  const lock = await ensureLock(project, options);
  const workshop = await openWorkshop(options, lock);
  const roots = new LockedRoots(lock, workshop);
  if (options.offline) await requireInputs(lock, roots, workshop);
  const executor = options.stepExecutor ?? (await makeExecutor(options.executor));
  const built = await buildImage({ project, lock, roots, workshop, executor });
  let platforms: ReadonlyMap<string, PlatformMeasurements> = new Map();
  const temporary = await workshop.store.tempDir();
  try {
    const { signedImage } = options;
    const image =
      signedImage === undefined
        ? built
        : { ...built, uki: await takeSignedImage(built.uki, signedImage, temporary.path) };
    const dist = await writeDist(outDir, async (folder) => {
      platforms = await writeImageFiles({ project, lock, roots, workshop }, image, folder, options);
      if ([...platforms.values()].some(hasFailed)) throw new IncompleteResults();
      // An audit builds under conditions that are made to leak, and tells by the bytes which one did.
      if (options.stepExecutor === undefined) {
        const { store, reporter } = workshop;
        const snapshot = lock.debian.snapshot;
        await checkLeaks({ folder: folder.path(''), project, store, outDir, snapshot, reporter });
      }
    }).catch((error: unknown) => {
      if (!(error instanceof IncompleteResults)) throw error;
      return { outDir, files: [], changed: false };
    });
    return {
      project,
      lock,
      roots,
      workshop,
      platforms,
      imageSha256: image.uki.sha256,
      ukiPath: image.uki.path,
      dist: { name: project.manifest.name, ...dist },
    };
  } finally {
    await temporary.dispose();
  }
}

/** A platform could not be predicted: what the folder would hold would be taken for all there is. */
class IncompleteResults extends Error {}

/**
 * Throws `offline-missing` with all that is missing, where each part of the build would name its own first. The root of
 * the platforms is needed where a platform is pinned: its measurements follow from the firmware and from QEMU.
 */
async function requireInputs(lock: Lock, roots: LockedRoots, workshop: Workshop): Promise<void> {
  const { name, line: _line, version: _version, ...file } = lock.kernel;
  const isPinned = Object.keys(lock.platforms).length > 0;
  const needed = Object.keys(lock.roots).filter((root) => isPinned || root !== 'platform');
  const packages = await roots.packagesToFetch(needed);
  await fetchAll(workshop, [{ name, file }, ...packages], 'Look for the inputs');
}

/** Everything in `dist/<name>/` but `SHA256SUMS`. */
export async function writeImageFiles(
  { project, lock, roots, workshop }: Pick<Built, 'project' | 'lock' | 'roots' | 'workshop'>,
  image: { readonly uki: BuiltImage['uki']; readonly kernel: Pick<BuiltImage['kernel'], 'config'> },
  folder: DistFolder,
  { keepGoing = false }: Pick<BuildOptions, 'keepGoing'> = {},
): Promise<ReadonlyMap<string, PlatformMeasurements>> {
  const { manifest } = project;
  const { name, version } = manifest;
  const uki = await readFile(image.uki.path);
  if (manifest.outputs.includes('uki')) await folder.copy(`${name}.efi`, image.uki.path);
  await folder.copy('kernel.config', image.kernel.config);
  const diskHead = manifest.outputs.includes('disk')
    ? await addDisk(folder, `${name}.disk`, image.uki.path)
    : undefined;

  const kernelConfig = await readFile(image.kernel.config, 'utf8');
  const network = manifest.network.mode !== 'none';
  const context = { folder: project.folder, lock, roots, workshop, network };
  const platforms = await measurePlatforms(
    context,
    manifest.platforms,
    { uki, diskHead, kernelConfig },
    { keepGoing },
  );
  await folder.write(
    'measurements.json',
    encodeMeasurements({ name, version, sha256: image.uki.sha256 }, platforms),
  );
  for (const [platform, measured] of platforms) {
    if ('prediction' in measured)
      await folder.write(`eventlog/${platform}.bin`, predictedEventLog(measured.prediction));
  }
  const measured = { image: { name, version, sha256: image.uki.sha256 }, platforms };
  for (const { path, bytes } of writePolicies([measured]).files) await folder.write(`policy/${path}`, bytes);
  return platforms;
}

/** Primary header and entries end before sector 34 (UEFI 2.10 §5.3.1); more changes nothing. */
const DISK_HEAD_BYTES = 64 * 512;

async function addDisk(folder: DistFolder, name: string, efi: string): Promise<Uint8Array> {
  const path = folder.path(name);
  await writeDisk({ efi, out: path });
  const file = await open(path, 'r');
  try {
    const head = new Uint8Array(DISK_HEAD_BYTES);
    await file.read(head, 0, head.length, 0);
    return head;
  } finally {
    await file.close();
  }
}
