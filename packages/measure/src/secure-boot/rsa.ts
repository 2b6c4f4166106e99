import { equalBytes } from '../bytes/compare.ts';
import { fromHex, toHex } from '../bytes/hex.ts';
import { concatBytes } from '../bytes/writer.ts';
import { digestSizes, type HashName } from '../hash.ts';
import { DerReader, derTags } from './der.ts';

/** An RSA public key. */
export interface RsaKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
  /** Size of the modulus in bytes. */
  readonly size: number;
}

/** Larger ones are left alone: a hostile key would cost seconds. */
const largestModulus = 1024;
const largestExponent = 4;

/**
 * RSAPublicKey (RFC 8017, A.1.1); `undefined` for a modulus above 8192 bits or an exponent above 32.
 * Throws `malformed` or `truncated`.
 */
export function parseRsaKey(bytes: Uint8Array): RsaKey | undefined {
  const key = new DerReader(bytes, 'RSAPublicKey').inside(derTags.sequence, 'RSAPublicKey');
  const modulus = unsigned(key.take(derTags.integer, 'modulus').content);
  const exponent = unsigned(key.take(derTags.integer, 'publicExponent').content);
  if (modulus.length > largestModulus || exponent.length > largestExponent || modulus.length === 0)
    return undefined;
  return { modulus: toBigInt(modulus), exponent: toBigInt(exponent), size: modulus.length };
}

/** DigestInfo up to the digest (RFC 8017, 9.2, note 1). */
const digestInfo: Readonly<Record<HashName, string>> = {
  sha1: '3021300906052b0e03021a05000414',
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

/** RSASSA-PKCS1-v1_5 verification (RFC 8017, 8.2.2) of a digest that was already taken. */
export function verifyRsa(
  key: RsaKey,
  algorithm: HashName,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const info = concatBytes([fromHex(digestInfo[algorithm]), digest]);
  const padding = key.size - info.length - 3;
  if (signature.length !== key.size || padding < 8 || digest.length !== digestSizes[algorithm]) return false;
  const value = toBigInt(signature);
  if (value >= key.modulus) return false;
  const wanted = concatBytes([
    Uint8Array.of(0, 1),
    new Uint8Array(padding).fill(0xff),
    Uint8Array.of(0),
    info,
  ]);
  const message = power(value, key.exponent, key.modulus)
    .toString(16)
    .padStart(2 * key.size, '0');
  return equalBytes(fromHex(message), wanted);
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

/** Without leading zeros. */
function unsigned(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  return start < 0 ? new Uint8Array(0) : bytes.subarray(start);
}

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}
