import { join } from 'node:path';
import type { BuildOptions } from '../build.ts';
import { checkOutDir, type DistResult, defaultOutDir, writeDist } from '../dist.ts';
import { openProject } from '../project.ts';
import { fillRelease } from './make-release.ts';
import { keyId } from './public-key.ts';
import { SIGNATURE_FILES, signSums } from './signature.ts';
import { readSigningKey } from './signing-key.ts';

export interface ReleaseOptions extends Omit<BuildOptions, 'frozen' | 'stepExecutor'> {
  /** The publisher's private key. */
  readonly keyFile: string;
  readonly alteeVersion: string;
}

export interface ReleaseResult extends DistResult {
  readonly name: string;
  readonly version: string;
  /** The publisher's key, as `SHA256:…`. */
  readonly keyId: string;
  /** The file with the signature. */
  readonly signature: string;
}

/**
 * `altee release`: builds the project from its lock and collects in one folder all that a stranger needs to check it,
 * with sums over every file and a signature over the sums. Twice the same input gives the same bytes. Throws
 * `lock-outdated` where the lock does not serve, what reading keys throws, and what building throws.
 */
export async function release(options: ReleaseOptions): Promise<ReleaseResult> {
  const { keyFile, reporter } = options;
  const { warning, ...key } = await readSigningKey(keyFile);
  if (warning !== undefined) reporter.warn(warning);
  const project = await openProject(options.manifestFile);
  const { name, version } = project.manifest;
  const outDir = options.outDir ?? `${await defaultOutDir(project.folder, name)}-${version}.release`;
  // Before all that takes long.
  await checkOutDir(outDir);
  const signature = SIGNATURE_FILES[key.publicKey.format];
  let written: DistResult | undefined;
  await fillRelease({ ...options, publisher: key.publicKey }, async ({ lock }, fill) => {
    const comment = `altee release ${name} ${version} of ${lock.debian.snapshot}`;
    written = await writeDist(outDir, fill, (sums) => ({
      [signature]: signSums(Buffer.from(sums), key, comment),
    }));
  });
  if (!written) throw new Error(`Nothing was written to ${join(outDir)}`);
  return { ...written, name, version, keyId: keyId(key.publicKey), signature };
}
