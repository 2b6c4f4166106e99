import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher, hash } from '../hash.ts';
import { readGuidedTable } from './guided-table.ts';
import { kernelHashTable, type SevDirectBoot } from './kernel-hashes.ts';
import { readHashTableArea, readResetAddress } from './sev-metadata.ts';
import { checkVcpus, encodeVmsa, resetVector } from './vmsa.ts';

export interface SevGuest {
  /** The firmware file. */
  readonly firmware: Uint8Array;
  /** What `-kernel` brings with `kernel-hashes=on`. */
  readonly directBoot?: SevDirectBoot | undefined;
}

export interface SevEsGuest extends SevGuest {
  readonly vcpus: number;
  /** CPUID Fn0000_0001_EAX. */
  readonly cpuSignature: number;
}

/**
 * Launch digest of an SEV guest of QEMU's: SHA-256 of firmware and table of kernel hashes. It is not yet what a report
 * holds: LAUNCH_MEASURE is an HMAC over it (SEV API 0.24, 6.5.1). Throws `not-found` when the firmware has no place
 * for kernel hashes.
 */
export function sevLaunchDigest(
  { firmware, directBoot }: SevGuest,
  hasher: Hasher = defaultHasher,
): Uint8Array {
  return hash(hasher, 'sha256', firmware, ...hashTable(firmware, directBoot, hasher));
}

/** As `sevLaunchDigest`, and then each processor's initial state; with SEV-ES QEMU leaves SEV_FEATURES at 0. */
export function sevEsLaunchDigest(guest: SevEsGuest, hasher: Hasher = defaultHasher): Uint8Array {
  const { firmware, directBoot, vcpus, cpuSignature } = guest;
  checkVcpus(vcpus);
  const common = { vmm: 'qemu', cpuSignature, guestFeatures: 0n } as const;
  const processors = [encodeVmsa({ ...common, start: resetVector, isBootProcessor: true })];
  if (vcpus > 1) {
    const start = readResetAddress(readGuidedTable(firmware));
    if (!start) {
      throw new MeasureError(
        'not-found',
        'The firmware does not say where further processors start (SEV-ES reset block)',
      );
    }
    const other = encodeVmsa({ ...common, start, isBootProcessor: false });
    processors.push(...Array.from({ length: vcpus - 1 }, () => other));
  }
  return hash(hasher, 'sha256', firmware, ...hashTable(firmware, directBoot, hasher), ...processors);
}

function hashTable(
  firmware: Uint8Array,
  directBoot: SevDirectBoot | undefined,
  hasher: Hasher,
): Uint8Array[] {
  if (!directBoot) return [];
  if (!readHashTableArea(readGuidedTable(firmware))) {
    throw new MeasureError('not-found', 'The firmware has no place for kernel hashes');
  }
  return [kernelHashTable(directBoot, hasher)];
}
