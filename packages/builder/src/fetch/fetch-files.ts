import { rename } from 'node:fs/promises';
import type { LockedFile } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import type { Reporter } from '../report.ts';
import { hexOf } from '../store/entry.ts';
import type { Store } from '../store/store.ts';
import type { Bundle } from '../vendor/bundle.ts';
import { download, hostOf } from './download.ts';
import { copyFromVendor, vendorNames } from './vendor.ts';

/** A file to fetch; `name` is unique among those fetched together. */
export interface NamedFile {
  readonly name: string;
  readonly file: Pick<LockedFile, 'size' | 'sha256' | 'origins'>;
}

export interface FetchOptions {
  /** The URLs that an origin of the lock stands for, in the order in which to ask. */
  readonly originsOf: (origin: string) => readonly string[];
  /** Folders to look into before the network is asked. */
  readonly vendorDirs?: readonly string[];
  /** Verified bundles, asked before the folders. */
  readonly bundles?: readonly Bundle[];
  /** Use the store, bundles and vendor folders alone. */
  readonly offline: boolean;
  readonly reporter: Reporter;
  /** What the task is called for the user. */
  readonly title?: string;
  readonly signal?: AbortSignal;
  /** For tests: see `DownloadOptions`. */
  readonly idleMs?: number;
  readonly backoffMs?: number;
  readonly attempts?: number;
}

const PARALLEL = 8;
const IDLE_MS = 30_000;
const BACKOFF_MS = 500;
const ATTEMPTS = 4;

/**
 * Brings files into the store and gives their paths there, by name. Each is verified by size and SHA-256 before
 * it enters.
 *
 * Throws one error for all that failed, each named in `details`: `offline-missing`, `digest-mismatch` or
 * `download-failed`; `disk-full` at once.
 */
export async function fetchFiles(
  store: Store,
  files: readonly NamedFile[],
  options: FetchOptions,
): Promise<Map<string, string>> {
  const present = await Promise.all(files.map(({ file }) => store.hasFile(file.sha256, file.size)));
  const missing = files.filter((_, index) => !present[index]);
  if (missing.length > 0) await fetchMissing(store, missing, options);
  return new Map(files.map(({ name, file }) => [name, store.filePath(file.sha256)]));
}

async function fetchMissing(
  store: Store,
  missing: readonly NamedFile[],
  options: FetchOptions,
): Promise<void> {
  const task = options.reporter.start(options.title ?? 'Fetch files');
  const total = missing.reduce((sum, { file }) => sum + file.size, 0);
  const received = new Map<string, number>();
  const stop = new AbortController();
  const context: FetchContext = {
    store,
    options,
    signal: options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]),
    failingHosts: new Set(),
    skippedHosts: new Set(),
    onBytes: (name, bytes) => {
      received.set(name, bytes);
      task.progress(sum(received.values()), total, 'bytes');
    },
  };
  // The longest first: no long one is left alone at the end.
  const queue = missing.toSorted((a, b) => b.file.size - a.file.size);
  const failures: FetchFailure[] = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      try {
        await fetchOne(file, context);
        context.onBytes(file.name, file.file.size);
      } catch (error) {
        if (!(error instanceof BuilderError) || error.code === 'disk-full') {
          // Nothing that follows can end better.
          queue.length = 0;
          stop.abort(error);
          throw error;
        }
        failures.push({ name: file.name, error });
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
  options.signal?.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
  const broken = workers.find((one) => one.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
  if (failures.length > 0) throw allFailures(failures, missing.length);
  task.done();
}

interface FetchContext {
  readonly store: Store;
  readonly options: FetchOptions;
  readonly signal: AbortSignal;
  readonly failingHosts: Set<string>;
  /** Hosts that were told to the user as skipped. */
  readonly skippedHosts: Set<string>;
  readonly onBytes: (name: string, bytes: number) => void;
}

interface FetchFailure {
  readonly name: string;
  readonly error: BuilderError;
}

async function fetchOne({ name, file }: NamedFile, context: FetchContext): Promise<void> {
  const { store, options, signal, failingHosts, skippedHosts } = context;
  const { reporter, vendorDirs = [], bundles = [], originsOf, offline } = options;
  const wanted = { hex: hexOf(file.sha256), size: file.size };
  await store.addFile(file.sha256, file.size, async (tmpPath) => {
    signal.throwIfAborted();
    for (const bundle of bundles) if (await bundle.copy(file.sha256, tmpPath)) return;
    const names = vendorNames(name, file.origins, wanted.hex);
    const onWrong = (path: string, sha256: string) =>
      reporter.warn(`Ignored "${path}": its digest is ${sha256}, the lock says ${file.sha256}`);
    if (await copyFromVendor(vendorDirs, names, wanted, tmpPath, onWrong)) return;
    if (offline) {
      throw new BuilderError('offline-missing', `${file.size} bytes, ${file.sha256}`, {
        hint: 'Run once without --offline, or let ALTEE_VENDOR name a folder that holds the files',
      });
    }
    const partial = store.partialPath(file.sha256);
    await download([...new Set(file.origins.flatMap(originsOf))], partial, wanted, {
      attempts: options.attempts ?? ATTEMPTS,
      backoffMs: options.backoffMs ?? BACKOFF_MS,
      idleMs: options.idleMs ?? IDLE_MS,
      failingHosts,
      signal,
      onBytes: (bytes) => context.onBytes(name, bytes),
      onSkip: (url, reason) => {
        if (skippedHosts.has(hostOf(url))) return;
        skippedHosts.add(hostOf(url));
        reporter.warn(`Skipped ${url}: ${reason}; another origin has it`);
      },
      onLie: (url, reason) => reporter.warn(`Wrong bytes for "${name}" from ${url}: ${reason}`),
    });
    await rename(partial, tmpPath);
  });
}

function allFailures(failures: readonly FetchFailure[], total: number): BuilderError {
  const [first, ...rest] = failures.map(({ error }) => error.code);
  const code = first !== undefined && rest.every((one) => one === first) ? first : 'download-failed';
  const details = failures.flatMap(({ name, error }) => [
    `${name}: ${error.message}`,
    ...error.details.map((line) => `  ${line}`),
  ]);
  const what = failures.length === 1 ? `"${failures[0]?.name}"` : `${failures.length} of ${total} files`;
  const message =
    code === 'offline-missing' ? `Not in the store and offline: ${what}` : `Cannot fetch ${what}`;
  const { hint } = failures[0]?.error ?? {};
  return new BuilderError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
