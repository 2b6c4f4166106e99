import { createHash } from 'node:crypto';
import { encodeLock, type Lock, type LockedFile, origin, sha256Digest } from '@altee/manifest';
import { z } from 'zod';
import { MOST_NAME_BYTES } from './ustar.ts';

/** First member of a bundle: what is in it. */
export const INDEX_NAME = 'altee-vendor.json';
/** The lock that the bundle is for. */
export const LOCK_NAME = 'altee.lock';

/** Bounds of what is read before anything is verified; the index of a thousand files has half a megabyte. */
export const MOST_INDEX_BYTES = 16 * 2 ** 20;
const MOST_FILES = 100_000;

/** No path, no leading dot or dash, ASCII: the same name on every file system, and one that a header holds. */
const memberName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9+._~-]*$/)
  .max(MOST_NAME_BYTES);

const member = z.strictObject({
  name: memberName,
  origins: z.array(origin),
  sha256: sha256Digest,
  /** Bytes. */
  size: z.int().positive(),
});

/** What a bundle says of itself; members are sorted by name. */
export const bundleIndex = z.strictObject({
  bundleVersion: z.literal(1),
  /** Digest of the lock's text. */
  lock: sha256Digest,
  files: z.array(member).min(1).max(MOST_FILES),
});

export type BundleIndex = z.infer<typeof bundleIndex>;
export type BundleMember = z.infer<typeof member>;

/** A file that a lock names; `name` is what messages call it. */
export interface LockedInput {
  readonly name: string;
  readonly file: LockedFile;
}

/** Every file that a lock names: the kernel source and the packages of all roots. */
export function lockedInputs(lock: Lock): LockedInput[] {
  const { name, line: _line, version: _version, ...kernel } = lock.kernel;
  const packages = Object.entries(lock.packages).map(([packageName, file]) => ({ name: packageName, file }));
  return [{ name, file: kernel }, ...packages];
}

/** The index of the lock's bundle: it follows from the lock alone. */
export function bundleIndexOf(lock: Lock): BundleIndex {
  const text = Buffer.from(encodeLock(lock));
  const sha256 = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const taken = new Set([INDEX_NAME, LOCK_NAME]);
  const files: BundleMember[] = [{ name: LOCK_NAME, origins: [], sha256, size: text.length }];
  const known = new Set<string>();
  for (const { file } of lockedInputs(lock)) {
    if (known.has(file.sha256)) continue;
    known.add(file.sha256);
    const name = nameOf(file, taken);
    taken.add(name);
    files.push({ name, origins: file.origins, sha256: file.sha256, size: file.size });
  }
  return { bundleVersion: 1, lock: sha256, files: files.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** The index as text; the same index gives the same bytes. */
export function encodeBundleIndex({ bundleVersion, lock, files }: BundleIndex): string {
  const members = files.map(({ name, origins, sha256, size }) => ({ name, origins, sha256, size }));
  return `${JSON.stringify({ bundleVersion, lock, files: members }, undefined, 2)}\n`;
}

/** The file's name at its first origin, which people and other tools know it by; its digest where that can't be a name. */
function nameOf({ origins, sha256 }: LockedFile, taken: ReadonlySet<string>): string {
  const path = (origins[0] ?? '').replace(/[?#].*$/, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  return memberName.safeParse(name).success && !taken.has(name) ? name : sha256.slice('sha256:'.length);
}
