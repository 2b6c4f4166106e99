import type { Lock, LockedFile } from '@altee/manifest';
import { type OriginMap, resolveOrigins, urlsOf } from './debian/origins.ts';
import { fetchFiles } from './fetch/fetch-files.ts';
import { snapshotTime } from './lock/snapshot-time.ts';
import type { Reporter } from './report.ts';
import { Store } from './store/store.ts';
import { openVendors } from './vendor/open-vendors.ts';

/** What the commands that build or fetch have in common. */
export interface WorkshopOptions {
  readonly reporter: Reporter;
  /** Use what the store and the vendor folders hold, and name what is missing. */
  readonly offline: boolean;
  /** Bundles of `altee vendor`, and folders with files by name; asked before any mirror, and before `ALTEE_VENDOR`'s. */
  readonly vendorDirs: readonly string[];
  readonly signal?: AbortSignal;
  /** Overrides where the store is; for tests. */
  readonly storeDir?: string;
}

/** The store, the origins and the reporter of one command. */
export interface Workshop {
  readonly store: Store;
  readonly origins: OriginMap;
  readonly offline: boolean;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/** Opens the store and finds the origins: the snapshot archive at the lock's time, or now where there is no lock. */
export async function openWorkshop(options: WorkshopOptions, lock?: Lock): Promise<Workshop> {
  const { reporter, offline, vendorDirs, signal } = options;
  const store = await Store.open(options.storeDir);
  const found = await resolveOrigins({
    env: process.env,
    snapshot: lock?.debian.snapshot ?? snapshotTime(new Date()),
    vendorDirs,
  });
  const opened = await openVendors(found.vendorDirs, {
    reporter,
    ...(lock ? { lock } : {}),
    ...(signal ? { signal } : {}),
  });
  const origins = { ...found, ...opened };
  return { store, origins, offline, reporter, ...(signal ? { signal } : {}) };
}

/** A file to fetch; `name` is what a vendor folder and messages call it. */
export interface WantedFile {
  readonly name: string;
  readonly file: LockedFile;
}

/** Fetches files into the store; gives their paths by name. */
export function fetchAll(
  workshop: Workshop,
  files: readonly WantedFile[],
  title: string,
): Promise<Map<string, string>> {
  const { store, origins, offline, reporter, signal } = workshop;
  return fetchFiles(store, files, {
    originsOf: (origin) => urlsOf(origins, origin),
    vendorDirs: origins.vendorDirs,
    bundles: origins.bundles ?? [],
    offline,
    reporter,
    title,
    ...(signal ? { signal } : {}),
  });
}
