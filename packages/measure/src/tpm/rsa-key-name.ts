import { concatBytes } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher, hash } from '../hash.ts';

const TPM_ALG_RSA = 0x0001;
const TPM_ALG_SHA256 = 0x000b;
const TPM_ALG_NULL = 0x0010;

/** TPMA_OBJECT that tpm2_loadexternal gives a key from a PEM file: userWithAuth, decrypt, sign (TPM 2.0 Library part 2, 8.3.2). */
const EXTERNAL_KEY_ATTRIBUTES = 0x0006_0040;

/**
 * The Name of an RSA public key that is loaded from outside: u16 TPM_ALG_SHA256 ‖ SHA-256(TPMT_PUBLIC) (TPM 2.0
 * Library part 1, 16). `modulus` is big-endian without leading zeros. `exponent` is what the public area holds, where
 * 0 stands for 65537 (part 2, 12.2.3.5): tpm2_loadexternal writes 65537, and the same key with 0 has another Name.
 */
export function rsaKeyName(
  modulus: Uint8Array,
  exponent: number,
  hasher: Hasher = defaultHasher,
): Uint8Array {
  if (modulus[0] === undefined || modulus[0] < 0x80)
    throw new MeasureError('malformed', 'The RSA modulus has leading zeros');
  const tpmtPublic = concatBytes([
    u16(TPM_ALG_RSA),
    u16(TPM_ALG_SHA256),
    u32(EXTERNAL_KEY_ATTRIBUTES),
    u16(0), // authPolicy
    u16(TPM_ALG_NULL), // symmetric
    u16(TPM_ALG_NULL), // scheme
    u16(modulus.length * 8),
    u32(exponent),
    u16(modulus.length),
    modulus,
  ]);
  return concatBytes([u16(TPM_ALG_SHA256), hash(hasher, 'sha256', tpmtPublic)]);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}
