import { digestSizes, type Hasher, type HashName, hash } from '../hash.ts';

/** What a PCR holds after reset: zeros, whose last byte is the start-up locality for PCR 0 (TPM 2.0 part 1, 11.4.1). */
export function initialPcr(bank: HashName, locality = 0): Uint8Array {
  const value = new Uint8Array(digestSizes[bank]);
  value[value.length - 1] = locality;
  return value;
}

/** TPM2_PCR_Extend: the new value is H(old value ‖ digest) (TPM 2.0 part 1, 17.2). */
export function extendPcr(hasher: Hasher, bank: HashName, value: Uint8Array, digest: Uint8Array): Uint8Array {
  return hash(hasher, bank, value, digest);
}

/** The value of a PCR that was reset and then extended with the digests in order. */
export function replayPcr(
  hasher: Hasher,
  bank: HashName,
  digests: Iterable<Uint8Array>,
  locality = 0,
): Uint8Array {
  let value = initialPcr(bank, locality);
  for (const digest of digests) value = extendPcr(hasher, bank, value, digest);
  return value;
}
