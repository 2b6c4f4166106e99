import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** DER of SubjectPublicKeyInfo and PKCS #8 in front of the 32 bytes of a key (RFC 8410 §4 and §7). */
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Bytes of a public key, and of a private key's seed (RFC 8032 §5.1.5). */
export const KEY_BYTES = 32;
/** Bytes of a signature (RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64;

/** The key object of a raw public key of 32 bytes. */
export function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, raw]), format: 'der', type: 'spki' });
}

/** The key object of a seed of 32 bytes. */
export function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

/** The raw 32 bytes of the public key that belongs to an Ed25519 key. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const own = key.type === 'private' ? createPublicKey(key) : key;
  return new Uint8Array(own.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length));
}
