import { predictNitroTpm } from '@altee/measure';
import { readSecureBootKeys } from '../secure-boot/variable-store.ts';
import { kernelFacts } from './kernel-facts.ts';
import { nativeHasher } from './native-hasher.ts';
import type { PlatformPredictor } from './platform.ts';

/** An EC2 instance with a NitroTPM: PCR 4, 7, 12 and what the image extends. */
export const predictAwsNitroTpm: PlatformPredictor = async ({ platform, folder }, image) =>
  predictNitroTpm(
    {
      uki: image.uki,
      kernel: kernelFacts(image),
      keys: platform.secureBoot === 'off' ? {} : await readSecureBootKeys(folder, platform.secureBoot),
    },
    nativeHasher,
  );
