import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { peDirectories, readPe } from '@altee/measure';
import { type BuildOptions, type Built, buildAll } from '../build.ts';
import type { DistFolder } from '../dist.ts';
import { hashFile } from '../store/hash-file.ts';
import { removeTree } from '../store/remove-tree.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { projectEntries } from './project-files.ts';
import { writeProvenance } from './provenance.ts';
import { encodePublicKey, type PublicKey } from './public-key.ts';
import { readme } from './readme.ts';
import { writeSbom } from './sbom.ts';
import { snapshotDate } from './snapshot-date.ts';
import { writeSourceArchive } from './source-archive.ts';

/** The names that files of every release have. */
export const RELEASE_FILES = {
  manifest: 'altee.yaml',
  lock: 'altee.lock',
  source: 'source.tar',
  sbom: 'sbom.cdx.json',
  provenance: 'provenance.json',
  publicKey: 'publisher.pub',
  readme: 'README.txt',
} as const;

export interface FillOptions extends Omit<BuildOptions, 'outDir' | 'frozen'> {
  readonly alteeVersion: string;
  readonly publisher: PublicKey;
}

/**
 * Builds the project and fills a folder with everything of its release but the sums and their signature. The same
 * manifest, lock and source give the same bytes, whoever calls this, and where.
 */
export async function fillRelease(
  options: FillOptions,
  open: (built: Built, fill: (folder: DistFolder) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = await temporaryFolder('altee-release-');
  try {
    const outDir = join(temporary, 'dist');
    const built = await buildAll({ ...options, outDir, frozen: true });
    await open(built, (folder) => fill(folder, built, outDir, temporary, options));
  } finally {
    await removeTree(temporary);
  }
}

async function fill(
  folder: DistFolder,
  built: Built,
  outDir: string,
  temporary: string,
  { alteeVersion, publisher }: FillOptions,
): Promise<void> {
  const { project, lock, roots, workshop, imageSha256 } = built;
  const { manifest } = project;
  const digests = new Map<string, string>();
  for (const { name, sha256 } of built.dist.files) {
    await folder.write(name, await readFile(join(outDir, name)));
    digests.set(name, `sha256:${sha256}`);
  }
  const keep = async (name: string, source: string) => {
    await copyFile(source, folder.path(name));
    return (await hashFile(source)).sha256;
  };
  const archive = join(temporary, RELEASE_FILES.source);
  await writeSourceArchive(archive, await projectEntries(project, workshop.store), snapshotDate(lock));
  const inputs = {
    manifest: await keep(RELEASE_FILES.manifest, project.manifestFile),
    lock: await keep(RELEASE_FILES.lock, project.lockFile),
    source: await keep(RELEASE_FILES.source, archive),
  };
  await folder.write(
    RELEASE_FILES.sbom,
    await writeSbom({ manifest, lock, roots, imageSha256, sourceSha256: inputs.source, alteeVersion }),
  );
  const signedImage = isSigned(new Uint8Array(await readFile(built.ukiPath)));
  await folder.write(
    RELEASE_FILES.provenance,
    writeProvenance({ manifest, lock, subjects: digests, inputs, signedImage, alteeVersion }),
  );
  await folder.write(RELEASE_FILES.publicKey, encodePublicKey(publisher));
  await folder.write(RELEASE_FILES.readme, readme(manifest, publisher, alteeVersion));
}

/** Whether an image carries a signature for Secure Boot. */
export function isSigned(uki: Uint8Array): boolean {
  return (readPe(uki).dataDirectories[peDirectories.certificateTable]?.size ?? 0) > 0;
}
