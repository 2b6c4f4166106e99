import { digestSizes, type Hasher, type HashName } from '../hash.ts';
import { CommonBeginnings } from './common-beginnings.ts';

/** One digest for each of some PCR banks. */
export type BankDigests = Readonly<Partial<Record<HashName, Uint8Array>>>;

/** TPM_ALG_ID values (TCG Algorithm Registry 1.34, table 3), with digest sizes in bytes. */
export const tpmHashAlgorithms = [
  { id: 0x0004, name: 'sha1', size: digestSizes.sha1 },
  { id: 0x000b, name: 'sha256', size: digestSizes.sha256 },
  { id: 0x000c, name: 'sha384', size: digestSizes.sha384 },
  { id: 0x000d, name: 'sha512', size: digestSizes.sha512 },
  { id: 0x0012, name: 'sm3_256', size: 32 },
  { id: 0x0027, name: 'sha3_256', size: 32 },
  { id: 0x0028, name: 'sha3_384', size: 48 },
  { id: 0x0029, name: 'sha3_512', size: 64 },
] as const;

export type TpmHashName = (typeof tpmHashAlgorithms)[number]['name'];

/** The digest of the parts in each of the banks; `beginnings` keeps what other measurements may begin with, too. */
export function measure(
  hasher: Hasher,
  banks: readonly HashName[],
  parts: readonly Uint8Array[],
  beginnings: CommonBeginnings = new CommonBeginnings(),
): Partial<Record<HashName, Uint8Array>> {
  const [first = new Uint8Array(0), ...rest] = parts;
  return Object.fromEntries(
    banks.map((bank) => {
      const state = beginnings.after(hasher, bank, first);
      for (const part of rest) state.update(part);
      return [bank, Uint8Array.from(state.digest())];
    }),
  );
}
