import { z } from 'zod';

/** `sha256:` and 64 lower-case hex digits. */
export const sha256Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');

/**
 * Where a byte may be fetched from, tried in order:
 * `debian:pool/…` and `debian-security:pool/…` (a path below the archive's root, answered by a mirror or by
 * Debian's snapshot archive at the lock's time), or an absolute `https:`/`http:` URL.
 */
export const origin = z.string().regex(/^(debian|debian-security|https?):/);

/** One fetched file: verified by size and SHA-256 before anything reads it. */
export const lockedFile = z.strictObject({
  size: z.int().positive(),
  sha256: sha256Digest,
  origins: z.array(origin).min(1),
});

/** One Debian package; a lock holds one version of each name. */
export const lockedPackage = lockedFile.extend({
  version: z.string().min(1),
  architecture: z.enum(['amd64', 'all']),
  /** Source package and version (`name` or `name (version)` as in the index), for SBOMs. */
  source: z.string().min(1),
});

/** A root file system: the packages unpacked into it, and the digest of the result (see the builder's root digest). */
export const lockedRoot = z.strictObject({
  packages: z.array(z.string()).min(1),
  digest: sha256Digest,
});

/** A signed index that the lock was resolved from. */
export const lockedIndex = z.strictObject({
  archive: z.enum(['debian', 'debian-security']),
  suite: z.string(),
  /** `Date` field of the InRelease file, ISO 8601 UTC. */
  date: z.iso.datetime(),
  inRelease: sha256Digest,
  packages: sha256Digest,
  sources: sha256Digest,
});

/** A file inside a locked package. */
export const fileInPackage = z.strictObject({
  package: z.string(),
  path: z.string(),
  sha256: sha256Digest,
});

export const lockSchema = z.strictObject({
  lockVersion: z.literal(1),
  /** Digest of what was asked for (roots' wanted packages, kernel line, platforms): another value means the manifest moved on. */
  request: sha256Digest,
  debian: z.strictObject({
    /** Time stamp of Debian's snapshot archive that holds every package below: `YYYYMMDDTHHMMSSZ`. */
    snapshot: z.string().regex(/^\d{8}T\d{6}Z$/),
    indexes: z.array(lockedIndex),
  }),
  kernel: lockedFile.extend({ line: z.string(), version: z.string(), name: z.string() }),
  stub: fileInPackage,
  /** Platform name → its firmware; absent for platforms that altee doesn't boot. */
  platforms: z.record(
    z.string(),
    z.strictObject({ firmware: z.strictObject({ code: fileInPackage, vars: fileInPackage }) }),
  ),
  /** `kernel`, `guest`, `image`, `platform`, and `app` where the application is built. */
  roots: z.record(z.string(), lockedRoot),
  packages: z.record(z.string(), lockedPackage),
});

export type Lock = z.infer<typeof lockSchema>;
export type LockedFile = z.infer<typeof lockedFile>;
export type LockedPackage = z.infer<typeof lockedPackage>;
export type LockedRoot = z.infer<typeof lockedRoot>;
export type LockedIndex = z.infer<typeof lockedIndex>;
export type FileInPackage = z.infer<typeof fileInPackage>;
