import { readFile } from 'node:fs/promises';
import { findSnpCpu, MeasureError, predictSnp, readSnpFirmware, type SnpFirmware } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { checkFileInPackage } from '../root-file.ts';
import { nativeHasher } from './native-hasher.ts';
import { readPinnedFile } from './pinned-file.ts';
import type { PlatformContext, PlatformPredictor } from './platform.ts';

/** Four times the largest OVMF. */
const FIRMWARE_BYTES = 16 * 2 ** 20;

/** Firmware by digest: platforms with the same file share the hashing of its pages. */
const measured = new Map<string, SnpFirmware>();

/** QEMU with SEV-SNP, started with `-bios`: the launch digest. */
export const predictQemuSnp: PlatformPredictor = async (context, image) => {
  const { name, platform } = context;
  const { cpu, guestFeatures, kernelHashes } = platform.snp;
  try {
    return predictSnp(
      {
        firmware: await firmwareOf(context),
        vmm: 'qemu',
        vcpus: platform.vcpus,
        cpu: findSnpCpu(cpu),
        guestFeatures: BigInt(guestFeatures),
        // The image has its initrd and command line inside.
        directBoot: kernelHashes ? { kernel: image.uki } : undefined,
      },
      nativeHasher,
    );
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    throw new BuilderError(
      'invalid-input',
      `Platform "${name}" can't start as an SEV-SNP guest: ${cause.message}`,
      {
        hint: kernelHashes
          ? 'Kernel hashes need firmware with a place for them: OVMF 2026.08 or later, or a build of OvmfPkg/AmdSev'
          : 'Give an OVMF that is built for SEV-SNP',
        cause,
      },
    );
  }
};

/** `undefined` when the lock pins none: nothing is known of the platform's firmware then. */
async function firmwareOf(context: PlatformContext): Promise<SnpFirmware | undefined> {
  const { firmware } = context.platform;
  if (firmware !== 'debian') {
    const bytes = await readPinnedFile(context.folder, firmware, 'firmware', FIRMWARE_BYTES);
    return measuredOnce(firmware.sha256, bytes);
  }
  const locked = context.lock.platforms[context.name]?.firmware.code;
  if (!locked) return undefined;
  const file = await checkFileInPackage(await context.roots.get('platform'), locked);
  return measuredOnce(locked.sha256, new Uint8Array(await readFile(file)));
}

function measuredOnce(sha256: string, bytes: Uint8Array): SnpFirmware {
  const firmware = measured.get(sha256) ?? readSnpFirmware(bytes, nativeHasher);
  measured.set(sha256, firmware);
  return firmware;
}
