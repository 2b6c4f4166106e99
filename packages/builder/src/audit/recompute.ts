import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lock } from '@altee/manifest';
import { MeasureError } from '@altee/measure';
import { writeImageFiles } from '../build.ts';
import { writeDist } from '../dist.ts';
import { parseSums, SUMS_FILE } from '../image/sums.ts';
import type { Project } from '../project.ts';
import type { AuditFinding } from './audit-statement.ts';
import { compareFiles, compareMeasurements, registersOf } from './compare.ts';
import type { AuditInputs } from './inputs.ts';
import type { VerifiedRelease } from './open-release.ts';
import { publishedImage } from './released-project.ts';

const WHAT = 'what the published image itself gives';

/**
 * Computes all that follows from the published image itself, without any rebuild: the disk, the measurements, event logs and
 * policies; and compares each with what was published.
 */
export async function recompute(
  release: VerifiedRelease,
  { project, lock, roots, workshop }: AuditInputs & { project: Project; lock: Lock },
  folder: string,
): Promise<{ findings: AuditFinding[]; measurements: Record<string, Record<string, unknown>> }> {
  const failed = (message: string) => ({
    findings: [{ kind: 'measurement' as const, subject: 'image', message }],
    measurements: {},
  });
  const config = join(release.folder, 'kernel.config');
  let uki: Uint8Array | undefined;
  try {
    uki = await publishedImage(release, project.manifest.name);
  } catch (error) {
    if (error instanceof MeasureError) return failed(`The published disk holds no image: ${error.message}`);
    throw error;
  }
  if (!uki) return failed('The release holds neither image nor disk: there is nothing to measure');
  if (!release.sums.has('kernel.config')) return failed('The release has no kernel.config');
  const path = `${folder}.efi`;
  await writeFile(path, uki);
  const sha256 = `sha256:${createHash('sha256').update(uki).digest('hex')}`;
  try {
    await writeDist(folder, async (made) => {
      const image = { uki: { path, size: uki.length, sha256 }, kernel: { config } };
      await writeImageFiles({ project, lock, roots, workshop }, image, made, {});
    });
  } catch (error) {
    if (error instanceof MeasureError)
      return failed(`The published image can not be measured: ${error.message}`);
    throw error;
  }
  const sums = parseSums(await readFile(join(folder, SUMS_FILE), 'utf8'), SUMS_FILE);
  // Sources and descriptions do not follow from the image.
  const published = new Map([...release.sums].filter(([name]) => sums.has(name)));
  const measurements = join(folder, 'measurements.json');
  return {
    findings: [
      ...(await compareFiles({ folder: release.folder, sums: published }, [{ folder, sums }], [WHAT])),
      ...(await compareMeasurements(join(release.folder, 'measurements.json'), measurements)),
    ],
    measurements: await registersOf(measurements),
  };
}
