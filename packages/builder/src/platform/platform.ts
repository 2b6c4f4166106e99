import type { Lock, Manifest } from '@altee/manifest';
import type { Prediction } from '@altee/measure';
import type { LockedRoots } from '../roots.ts';
import type { Workshop } from '../workshop.ts';
import type { MeasuredImage } from './measured-image.ts';

export type Platform = Manifest['platforms'][string];

/** One of the manifest's platforms, and all that a prediction for it may need. */
export interface PlatformContext {
  readonly name: string;
  readonly platform: Platform;
  /** Paths in `platform` are relative to this folder. */
  readonly folder: string;
  /** Whether the machine has a network card; absent where the image's manifest is not known. */
  readonly network?: boolean | undefined;
  readonly lock: Lock;
  readonly roots: LockedRoots;
  readonly workshop: Workshop;
}

/** What one kind of platform will measure of an image; a message where altee has no rules for it. */
export type PlatformPredictor = (
  context: PlatformContext,
  image: MeasuredImage,
) => Promise<Prediction | { readonly unsupported: string }>;
