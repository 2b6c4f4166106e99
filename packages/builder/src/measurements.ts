import { createHash } from 'node:crypto';
import type { Lock, Manifest } from '@altee/manifest';
import { type Hasher, type Machine, type Prediction, predictionToJson, predictTpm } from '@altee/measure';
import { parseKernelConfig } from './kernel/config.ts';

type Platform = Manifest['platforms'][string];

/** What is measured: the image, and the head of the disk that it is booted from. */
export interface MeasuredImage {
  readonly uki: Uint8Array;
  /** The disk's first sectors with the whole partition table; absent where the manifest asks for no disk. */
  readonly diskHead: Uint8Array | undefined;
  /** Text of the kernel's final configuration. */
  readonly kernelConfig: string;
}

/** What altee can say about one platform. */
export type PlatformMeasurements =
  | { readonly kind: string; readonly prediction: Prediction }
  | { readonly kind: string; readonly unsupported: string };

/** Node's own hashing: ten times as fast as the portable one. */
export const nativeHasher: Hasher = (algorithm) => createHash(algorithm);

/** Predicts every platform of the manifest; a kind without rules is named as such, never left out. */
export function measurePlatforms(
  manifest: Manifest,
  lock: Lock,
  image: MeasuredImage,
): Map<string, PlatformMeasurements> {
  return new Map(
    Object.entries(manifest.platforms).map(([name, platform]) => [
      name,
      measurePlatform(name, platform, lock, image),
    ]),
  );
}

function measurePlatform(
  name: string,
  platform: Platform,
  lock: Lock,
  image: MeasuredImage,
): PlatformMeasurements {
  const { kind } = platform;
  if (kind !== 'qemu-tpm') {
    return { kind, unsupported: `This version of altee has no rules for platforms of kind "${kind}"` };
  }
  const machine = machineOf(name, platform, lock, image);
  // IMA, where it is built in, measures what it opens into PCR 10.
  const kernel = { ima: parseKernelConfig(image.kernelConfig).get('IMA') === 'y' };
  return { kind, prediction: predictTpm({ uki: image.uki, machine, kernel }, nativeHasher) };
}

function machineOf(name: string, platform: Platform, lock: Lock, image: MeasuredImage): Machine {
  const firmware = lock.platforms[name]?.firmware;
  const hex = (digest: string) => digest.replace(/^sha256:/, '');
  return {
    disk: image.diskHead,
    secureBoot: platform.secureBoot === 'off' ? 'off' : 'on',
    // altee's machine has no option ROM: its one network card is started with an empty romfile.
    optionRoms: false,
    firmware:
      platform.firmware === 'debian'
        ? {
            codeSha256: firmware && hex(firmware.code.sha256),
            varsSha256: firmware && hex(firmware.vars.sha256),
          }
        : { codeSha256: hex(platform.firmware.sha256) },
  };
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
