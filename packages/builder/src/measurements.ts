import { type Prediction, predictionToJson } from '@altee/measure';
import { attemptPlatform } from './platform/attempt-platform.ts';
import { predictAwsNitroTpm } from './platform/aws-nitrotpm.ts';
import { predictGcpTdx } from './platform/gcp-tdx.ts';
import type { MeasuredImage } from './platform/measured-image.ts';
import type { Platform, PlatformContext, PlatformPredictor } from './platform/platform.ts';
import { predictQemuSnp } from './platform/qemu-snp.ts';
import { predictQemuTdx } from './platform/qemu-tdx.ts';
import { predictQemuTpm } from './platform/qemu-tpm.ts';
import { predictFromReferenceLog } from './platform/reference-log.ts';

/** What altee can say about one platform. */
export type PlatformMeasurements =
  | { readonly kind: string; readonly prediction: Prediction }
  | { readonly kind: string; readonly unsupported: string };

/** Which rules a kind of platform has. */
const predictors: Readonly<Partial<Record<Platform['kind'], PlatformPredictor>>> = {
  'qemu-tpm': predictQemuTpm,
  'qemu-snp': predictQemuSnp,
  'qemu-tdx': predictQemuTdx,
  'gcp-tdx': predictGcpTdx,
  'aws-nitrotpm': predictAwsNitroTpm,
  'reference-log': predictFromReferenceLog,
};

/** Predicts one platform; a kind without rules is named as such. */
export async function measurePlatform(
  context: PlatformContext,
  image: MeasuredImage,
): Promise<PlatformMeasurements> {
  const { kind } = context.platform;
  const predict = predictors[kind];
  if (!predict)
    return { kind, unsupported: `This version of altee has no rules for platforms of kind "${kind}"` };
  const answer = await predict(context, image);
  return 'unsupported' in answer ? { kind, ...answer } : { kind, prediction: answer };
}

/**
 * Predicts every platform of the manifest; none is left out. The first that cannot be predicted throws, unless the
 * others are wanted nevertheless (`keepGoing`).
 */
export async function measurePlatforms(
  context: Omit<PlatformContext, 'name' | 'platform'>,
  platforms: Readonly<Record<string, Platform>>,
  image: MeasuredImage,
  { keepGoing = false }: { keepGoing?: boolean } = {},
): Promise<Map<string, PlatformMeasurements>> {
  const measured = new Map<string, PlatformMeasurements>();
  for (const [name, platform] of Object.entries(platforms)) {
    const own = { ...context, name, platform };
    const measure = () => measurePlatform(own, image);
    measured.set(name, await (keepGoing ? attemptPlatform(own, measure) : measure()));
  }
  return measured;
}

/** The text of `measurements.json`: the same prediction gives the same bytes. */
export function encodeMeasurements(
  image: { readonly name: string; readonly version: string; readonly sha256: string },
  platforms: ReadonlyMap<string, PlatformMeasurements>,
): string {
  const entries = [...platforms].map(([name, measured]) => [
    name,
    'prediction' in measured ? { kind: measured.kind, ...predictionToJson(measured.prediction) } : measured,
  ]);
  const document = { apiVersion: 'altee/measurements/v1', image, platforms: Object.fromEntries(entries) };
  return `${JSON.stringify(document, null, 2)}\n`;
}
