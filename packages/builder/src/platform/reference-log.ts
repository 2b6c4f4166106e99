import { MeasureError, predictReferenceLog } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { kernelFacts } from './kernel-facts.ts';
import { nativeHasher } from './native-hasher.ts';
import { readPinnedFile } from './pinned-file.ts';
import type { PlatformPredictor } from './platform.ts';

/** Firmware that keeps longer logs than this there is none: it reserves 64 KiB to a few MiB. */
const LOG_BYTES = 64 * 2 ** 20;

/** A machine that is known by one event log: PCR 0 to 15, firmware's part copied from it. */
export const predictFromReferenceLog: PlatformPredictor = async ({ name, platform, folder }, image) => {
  if (!platform.log) throw new BuilderError('invalid-input', `Platform "${name}" names no event log`);
  const log = await readPinnedFile(folder, platform.log, 'event log', LOG_BYTES);
  try {
    return predictReferenceLog(
      { log, uki: image.uki, disk: image.diskHead, kernel: kernelFacts(image) },
      nativeHasher,
    );
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    throw new BuilderError('invalid-input', `Platform "${name}": ${cause.message}`, {
      hint: 'Copy /sys/kernel/security/tpm0/binary_bios_measurements of a boot of that machine',
      cause,
    });
  }
};
