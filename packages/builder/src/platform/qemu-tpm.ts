import { type Machine, predictTpm } from '@altee/measure';
import { parseKernelConfig } from '../kernel/config.ts';
import { readSecureBootKeys } from '../secure-boot/variable-store.ts';
import type { MeasuredImage } from './measured-image.ts';
import { nativeHasher } from './native-hasher.ts';
import type { PlatformContext, PlatformPredictor } from './platform.ts';

/** QEMU with OVMF and a TPM 2.0: PCR 0 to 15. */
export const predictQemuTpm: PlatformPredictor = async (context, image) => {
  // IMA, where it is built in, measures what it opens into PCR 10.
  const kernel =
    image.kernelConfig === undefined ? {} : { ima: parseKernelConfig(image.kernelConfig).get('IMA') === 'y' };
  return predictTpm({ uki: image.uki, machine: await machineOf(context, image), kernel }, nativeHasher);
};

async function machineOf(
  { name, platform, lock, folder }: PlatformContext,
  image: MeasuredImage,
): Promise<Machine> {
  const firmware = lock.platforms[name]?.firmware;
  const hex = (digest: string) => digest.replace(/^sha256:/, '');
  return {
    disk: image.diskHead,
    secureBoot: platform.secureBoot === 'off' ? 'off' : 'on',
    ...(platform.secureBoot === 'off'
      ? {}
      : { secureBootVariables: await readSecureBootKeys(folder, platform.secureBoot) }),
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
