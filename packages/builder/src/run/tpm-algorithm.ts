/** A hash algorithm that a PCR bank may have, by the name that reference values use. */
export type TpmBank =
  | 'sha1'
  | 'sha256'
  | 'sha384'
  | 'sha512'
  | 'sm3-256'
  | 'sha3-256'
  | 'sha3-384'
  | 'sha3-512';

interface TpmHash {
  readonly bank: TpmBank;
  readonly size: number;
  /** Its name in OpenSSL, which Node hashes with. */
  readonly openssl: string;
}

/** TCG Algorithm Registry 1.34, table 3 (TPM_ALG_ID), the rows of type H. */
export const TPM_HASHES: ReadonlyMap<number, TpmHash> = new Map([
  [0x0004, { bank: 'sha1', size: 20, openssl: 'sha1' }],
  [0x000b, { bank: 'sha256', size: 32, openssl: 'sha256' }],
  [0x000c, { bank: 'sha384', size: 48, openssl: 'sha384' }],
  [0x000d, { bank: 'sha512', size: 64, openssl: 'sha512' }],
  [0x0012, { bank: 'sm3-256', size: 32, openssl: 'sm3' }],
  [0x0027, { bank: 'sha3-256', size: 32, openssl: 'sha3-256' }],
  [0x0028, { bank: 'sha3-384', size: 48, openssl: 'sha3-384' }],
  [0x0029, { bank: 'sha3-512', size: 64, openssl: 'sha3-512' }],
]);

export const HASH_OF_BANK: ReadonlyMap<TpmBank, TpmHash> = new Map(
  [...TPM_HASHES.values()].map((hash) => [hash.bank, hash]),
);
