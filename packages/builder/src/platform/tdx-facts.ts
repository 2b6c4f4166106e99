import { fromHex, MeasureError, type TdxLogFacts, tdxFactsOfLog } from '@altee/measure';
import { BuilderError } from '../error.ts';
import { nativeHasher } from './native-hasher.ts';
import { readPinnedFile } from './pinned-file.ts';
import type { PlatformContext } from './platform.ts';

/** OVMF reserves 64 KiB to 256 KiB. */
const LOG_BYTES = 16 * 2 ** 20;

/** What the CC event log that the platform names tells of its machine; `undefined` where it names none. */
export async function readTdxLog({
  name,
  platform,
  folder,
}: PlatformContext): Promise<TdxLogFacts | undefined> {
  if (!platform.log) return undefined;
  const log = await readPinnedFile(folder, platform.log, 'event log', LOG_BYTES);
  try {
    return tdxFactsOfLog(log, nativeHasher);
  } catch (cause) {
    if (!(cause instanceof MeasureError)) throw cause;
    throw new BuilderError('invalid-input', `Platform "${name}": ${cause.message}`, {
      hint: 'Copy /sys/firmware/acpi/tables/data/CCEL of a TD on that machine',
      cause,
    });
  }
}

/** The bytes of a register as the manifest writes it. */
export function registerBytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : fromHex(text.replace(/^sha384:/, ''));
}
