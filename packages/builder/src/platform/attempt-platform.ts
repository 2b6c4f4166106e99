import { MeasureError } from '@altee/measure';
import { BuilderError } from '../error.ts';
import type { PlatformMeasurements } from '../measurements.ts';
import type { PlatformContext } from './platform.ts';

/** A platform that could not be predicted. In `measurements.json` it is one without values. */
export interface FailedPlatform {
  readonly kind: string;
  /** The error in one line. */
  readonly unsupported: string;
  readonly error: BuilderError;
}

/**
 * What `measure` gives, or why it fails: the file of one platform must not keep the others from being measured. Throws
 * when the work was stopped, and errors that are nobody's input.
 */
export async function attemptPlatform(
  { name, platform, workshop }: Pick<PlatformContext, 'name' | 'platform' | 'workshop'>,
  measure: () => Promise<PlatformMeasurements>,
): Promise<PlatformMeasurements | FailedPlatform> {
  try {
    return await measure();
  } catch (error) {
    const named = nameError(error, name);
    if (workshop.signal?.aborted || !(named instanceof BuilderError)) throw error;
    return { kind: platform.kind, unsupported: `It cannot be predicted: ${named.message}`, error: named };
  }
}

/** Whether the platform could not be predicted, and not only that there are no rules for it. */
export function hasFailed(measured: PlatformMeasurements | FailedPlatform): measured is FailedPlatform {
  return 'error' in measured;
}

function nameError(error: unknown, platform: string): unknown {
  if (!(error instanceof MeasureError)) return error;
  return new BuilderError('invalid-input', `Platform "${platform}": ${error.message}`, { cause: error });
}
