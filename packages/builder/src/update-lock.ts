import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeLock, type Lock } from '@altee/manifest';
import { BuilderError } from './error.ts';
import { writeAt, writeFileAtomically } from './image/atomic-file.ts';
import { checkLock } from './lock/check-lock.ts';
import { describeChange, diffLocks } from './lock/diff-lock.ts';
import { openProject, type Project, readLock } from './project.ts';
import { openWorkshop, type Workshop, type WorkshopOptions } from './workshop.ts';

export interface UpdateLockOptions extends WorkshopOptions {
  readonly manifestFile: string;
  /** Resolve again even if the lock serves. */
  readonly update: boolean;
}

export interface UpdateLockResult {
  readonly lockFile: string;
  readonly written: boolean;
  /** What moved, a line each; empty where there was no lock before. */
  readonly moved: readonly string[];
}

/** `altee lock`: writes a missing or outdated lock; with `update` resolves again in any case. */
export async function updateLock(options: UpdateLockOptions): Promise<UpdateLockResult> {
  const project = await openProject(options.manifestFile);
  const previous = await readLock(project);
  if (previous && !options.update && serves(previous, project)) {
    return { lockFile: project.lockFile, written: false, moved: [] };
  }
  const workshop = await openWorkshop(options);
  const lock = await writeNewLock(project, workshop, previous);
  return {
    lockFile: project.lockFile,
    written: true,
    moved: previous ? diffLocks(previous, lock).map(describeChange) : [],
  };
}

/**
 * The project's lock, made or renewed where it is missing or no longer for what the manifest asks.
 * Throws `lock-outdated` instead of writing when `frozen`.
 */
export async function ensureLock(
  project: Project,
  options: WorkshopOptions & { frozen: boolean },
): Promise<Lock> {
  const previous = await readLock(project);
  if (!previous && options.frozen) {
    throw new BuilderError('lock-outdated', `There is no lock "${project.lockFile}"`, {
      hint: 'Run "altee lock", or build without --frozen',
    });
  }
  if (previous) {
    if (options.frozen) checkLock(previous, project.manifest, project.lockFile);
    if (serves(previous, project)) return previous;
  }
  const lock = await writeNewLock(project, await openWorkshop(options), previous);
  for (const change of previous ? diffLocks(previous, lock) : [])
    options.reporter.warn(`Lock: ${describeChange(change)}`);
  return lock;
}

function serves(lock: Lock, project: Project): boolean {
  try {
    checkLock(lock, project.manifest, project.lockFile);
    return true;
  } catch (error) {
    if (error instanceof BuilderError && error.code === 'lock-outdated') return false;
    throw error;
  }
}

async function writeNewLock(project: Project, workshop: Workshop, previous: Lock | undefined): Promise<Lock> {
  if (workshop.offline) {
    throw new BuilderError('offline-missing', `Resolving "${project.lockFile}" needs the network`, {
      hint: 'Run "altee lock" without --offline',
    });
  }
  await checkWritable(project.lockFile);
  const { store, origins, reporter, signal } = workshop;
  // Loaded only here: most commands find a lock that serves, and need neither resolver nor signatures.
  const { resolveLock } = await import('./lock/resolve-lock.ts');
  const lock = await resolveLock(project.manifest, {
    ...(previous ? { previous } : {}),
    reporter,
    store,
    origins,
    now: new Date(),
  });
  signal?.throwIfAborted();
  await writeFileAtomically(project.lockFile, (file) => writeAt(file, Buffer.from(encodeLock(lock)), 0));
  return lock;
}

/** Throws `invalid-input` where the lock can't be written, before all that takes long. */
async function checkWritable(lockFile: string): Promise<void> {
  const folder = dirname(lockFile);
  await access(folder, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot write "${lockFile}": its folder is read-only`, {
      hint: `Allow this user to write to "${folder}", or put a lock there`,
      cause,
    });
  });
}
