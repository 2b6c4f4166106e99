import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lock } from '@altee/manifest';
import { findBootImage } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { checkLock } from '../lock/check-lock.ts';
import { openProject, type Project, readLock } from '../project.ts';
import { isSigned, RELEASE_FILES } from '../release/make-release.ts';
import { placeFile, unpackSourceArchive } from '../release/source-archive.ts';
import { ifPresent } from '../store/errno.ts';
import type { VerifiedRelease } from './open-release.ts';

export interface ReleasedProject {
  readonly project: Project;
  readonly lock: Lock;
  /** The published image, where it carries a Secure Boot signature that no rebuild can make. */
  readonly signedImage: string | undefined;
}

/** The project that a release holds, unpacked to a folder of its own. Throws what unpacking and parsing throw. */
export async function openReleasedProject(
  release: VerifiedRelease,
  folder: string,
): Promise<ReleasedProject> {
  const project = await openProject(await placeProject(release, folder));
  const lock = await readLock(project);
  if (!lock) throw new BuilderError('lock-invalid', 'The release has no lock');
  checkLock(lock, project.manifest, project.lockFile);
  const image = join(release.folder, `${project.manifest.name}.efi`);
  const bytes = await ifPresent(readFile(image));
  const signedImage = bytes && isSigned(new Uint8Array(bytes)) ? image : undefined;
  return { project, lock, signedImage };
}

/** Puts manifest, lock and sources where a build finds them, and gives the manifest's path. */
export async function placeProject(release: VerifiedRelease, folder: string): Promise<string> {
  const { manifest, lock, source } = RELEASE_FILES;
  await mkdir(folder, { recursive: true });
  await unpackSourceArchive(join(release.folder, source), folder, [manifest, lock]);
  for (const name of [manifest, lock]) {
    await placeFile(folder, name, await readFile(join(release.folder, name)));
  }
  return join(folder, manifest);
}

/** The bytes of the published image: of its file, or of the disk where that alone was published. */
export async function publishedImage(
  release: VerifiedRelease,
  name: string,
): Promise<Uint8Array | undefined> {
  const efi = await ifPresent(readFile(join(release.folder, `${name}.efi`)));
  if (efi) return new Uint8Array(efi);
  const disk = await ifPresent(readFile(join(release.folder, `${name}.disk`)));
  return disk && findBootImage(new Uint8Array(disk)).image;
}

/** The version of altee that the release says it was made with; a claim of the publisher's. */
export async function publisherVersion(release: VerifiedRelease): Promise<string | undefined> {
  try {
    const text = await readFile(join(release.folder, RELEASE_FILES.provenance), 'utf8');
    const statement = JSON.parse(text) as {
      predicate?: { runDetails?: { builder?: { version?: { altee?: unknown } } } };
    };
    const version = statement.predicate?.runDetails?.builder?.version?.altee;
    return typeof version === 'string' && /^[0-9A-Za-z.+-]{1,64}$/.test(version) ? version : undefined;
  } catch {
    return undefined;
  }
}
