import { openProject } from '../project.ts';
import { ensureLock } from '../update-lock.ts';
import { fetchAll, openWorkshop, type WorkshopOptions } from '../workshop.ts';
import { bundleIndexOf, lockedInputs } from './bundle-index.ts';
import { checkBundleOut, isTarName, writeBundleFolder, writeBundleTar } from './write-bundle.ts';

export interface VendorOptions extends WorkshopOptions {
  readonly manifestFile: string;
  /** A file `*.tar`, or a folder. */
  readonly out: string;
}

export interface VendorResult {
  readonly out: string;
  readonly format: 'tar' | 'folder';
  /** Files that the lock names, and the lock itself. */
  readonly files: number;
  readonly bytes: number;
  /** Of the tar: `sha256:` and 64 hex digits. The same lock gives the same. */
  readonly sha256?: string;
}

/**
 * `altee vendor`: every byte that the project's lock names, in one tar or folder. What the store lacks is fetched; the
 * lock is taken as it is (`lock-outdated` where it doesn't serve).
 */
export async function vendorProject(options: VendorOptions): Promise<VendorResult> {
  const { out, reporter, signal } = options;
  const project = await openProject(options.manifestFile);
  await checkBundleOut(out);
  const lock = await ensureLock(project, { ...options, frozen: true });
  const workshop = await openWorkshop(options, lock);
  await fetchAll(workshop, lockedInputs(lock), 'Fetch what the lock names');
  const task = reporter.start('Write the vendor bundle');
  const contents = {
    lock,
    task,
    pathOf: (sha256: string) => workshop.store.filePath(sha256),
    ...(signal ? { signal } : {}),
  };
  const { files } = bundleIndexOf(lock);
  const made = isTarName(out)
    ? { format: 'tar' as const, ...(await writeBundleTar(out, contents)) }
    : { format: 'folder' as const, bytes: await writeBundleFolder(out, contents) };
  task.done(`${files.length} files`);
  return { out, files: files.length, ...made };
}
