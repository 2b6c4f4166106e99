import { readFile } from 'node:fs/promises';
import { lockedPackage } from '@altee/manifest';
import { z } from 'zod';

/** Written by `npm run matrix-lock`. */
export const matrixLockFile = new URL('./matrix.lock.json', import.meta.url);

const matrixLock = z.strictObject({
  /** Time stamp of Debian's snapshot archive that holds every package below. */
  snapshot: z.string(),
  roots: z.record(
    z.string(),
    z.strictObject({ digest: z.string(), packages: z.record(z.string(), lockedPackage) }),
  ),
  packages: z.record(z.string(), lockedPackage.extend({ name: z.string() })),
});

/** Everything that the boot matrix boots with, by SHA-256. */
export type MatrixLock = z.infer<typeof matrixLock>;

export async function readMatrixLock(): Promise<MatrixLock> {
  return matrixLock.parse(JSON.parse(await readFile(matrixLockFile, 'utf8')));
}
