import { type FragileFact, fragileFacts, MeasureError, readPe, readStubVersion } from '@altee/measure';
import { lockedMachine } from '../qemu/locked-machine.ts';
import type { PlatformContext } from './platform.ts';

/**
 * What in a platform's configuration makes a register move for reasons that are not the image's; nothing for platforms
 * that are not described as a machine of QEMU's. `uki` tells which stub is in it.
 */
export function fragileFactsOf(
  { platform, lock, network }: PlatformContext,
  uki: Uint8Array,
): readonly FragileFact[] {
  if (platform.kind !== 'qemu-tpm') return [];
  const machine = lockedMachine(lock, platform, network);
  return machine ? fragileFacts(machine, { stubVersion: stubVersion(uki) }) : [];
}

function stubVersion(uki: Uint8Array): number | undefined {
  try {
    return readStubVersion(uki, readPe(uki)).major;
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}
