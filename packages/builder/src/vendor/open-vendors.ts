import { stat } from 'node:fs/promises';
import { ifPresent } from '../store/errno.ts';
import type { Bundle } from './bundle.ts';
import type { OpenBundleOptions } from './open-bundle.ts';

/** What `--vendor` and `ALTEE_VENDOR` name, by kind. */
export interface Vendors {
  /** Folders that are searched by file name. */
  readonly vendorDirs: readonly string[];
  /** Bundles, verified as a whole. */
  readonly bundles: readonly Bundle[];
}

/**
 * Tells bundles from plain folders, and verifies them. What isn't there is left to whoever looks for files, as before.
 * Throws `bundle-invalid`.
 */
export async function openVendors(paths: readonly string[], options: OpenBundleOptions): Promise<Vendors> {
  const vendorDirs: string[] = [];
  const bundles: Bundle[] = [];
  for (const path of paths) {
    if ((await ifPresent(stat(path))) === undefined) {
      vendorDirs.push(path);
      continue;
    }
    // Loaded only where there is something to open.
    const { openBundle } = await import('./open-bundle.ts');
    const bundle = await openBundle(path, options);
    if (bundle === undefined) vendorDirs.push(path);
    else bundles.push(bundle);
  }
  return { vendorDirs, bundles };
}
