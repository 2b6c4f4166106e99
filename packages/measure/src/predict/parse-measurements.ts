import { MeasureError } from '../error.ts';
import { excerpt, malformed, object, string } from './json-value.ts';
import { parsePredictionJson, type RecordedPrediction } from './parse-json.ts';

/** The image that measurements are of. */
export interface ImageIdentity {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the image file: `sha256:` and 64 hex digits. */
  readonly sha256: string;
}

/** What is known for one platform: its prediction, or why there is none. */
export type RecordedPlatform =
  | { readonly kind: string; readonly prediction: RecordedPrediction }
  | { readonly kind: string; readonly unsupported: string };

/** The contents of a `measurements.json`. */
export interface RecordedMeasurements {
  readonly image: ImageIdentity;
  readonly platforms: ReadonlyMap<string, RecordedPlatform>;
}

/** The one version that is read (altee's manifest reference, `measurements.json`). */
const API_VERSION = 'altee/measurements/v1';

/** Names become file names and parts of policies: nothing but what a manifest allows may come in. */
const label = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const version = /^\d+(?:\.\d+){0,3}(?:-[a-z0-9]+(?:[.-][a-z0-9]+)*)?$/;

/** Far more than anybody describes; beyond them a file is hostile. */
const MAX_PLATFORMS = 1024;
const MAX_REASON = 4096;

/** Throws `malformed` unless the name, the version and the digest have the alphabet that a manifest gives them. */
export function checkImageIdentity({ name, version: number, sha256 }: ImageIdentity): void {
  if (!label.test(name))
    throw malformed('image.name', 'must be a label of lower-case letters, digits and hyphens');
  if (number.length > 64 || !version.test(number))
    throw malformed('image.version', 'must be a version such as 1.2.3');
  if (!/^sha256:[0-9a-f]{64}$/.test(sha256))
    throw malformed('image.sha256', 'must be sha256: and 64 lower-case hex digits');
}

/** Throws `malformed` unless the platform's name has the alphabet that a manifest gives it. */
export function checkPlatformName(name: string): void {
  if (!label.test(name)) throw malformed(`platforms.${excerpt(name)}`, 'is no name of a platform');
}

/**
 * Reads the text of a `measurements.json` of unknown origin. Throws `malformed`, naming the place, and `unsupported`
 * for another version of the format.
 */
export function parseMeasurements(text: string): RecordedMeasurements {
  const document = object(parseJson(text), 'measurements');
  if (document['apiVersion'] !== API_VERSION) {
    throw new MeasureError('unsupported', `measurements.apiVersion must be "${API_VERSION}"`);
  }
  const { name, version, sha256 } = object(document['image'], 'image');
  const image = { name: String(name), version: String(version), sha256: String(sha256) };
  checkImageIdentity(image);
  const platforms = new Map<string, RecordedPlatform>();
  const entries = Object.entries(object(document['platforms'], 'platforms'));
  if (entries.length > MAX_PLATFORMS) throw malformed('platforms', `has ${entries.length} platforms`);
  for (const [platform, entry] of entries) {
    checkPlatformName(platform);
    const { kind, unsupported } = object(entry, `platforms.${platform}`);
    if (typeof kind !== 'string' || !label.test(kind))
      throw malformed(`platforms.${platform}.kind`, 'must be a label');
    platforms.set(
      platform,
      typeof unsupported === 'string'
        ? { kind, unsupported: string(unsupported, `platforms.${platform}.unsupported`, MAX_REASON) }
        : { kind, prediction: parsePredictionJson(entry, `platforms.${platform}`) },
    );
  }
  return { image, platforms };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MeasureError('malformed', 'The measurements are no JSON', { cause: error });
  }
}
