import { createHash, sign, verify } from 'node:crypto';
import { SUMS_FILE } from '../image/sums.ts';
import { SIGNATURE_BYTES } from './ed25519.ts';
import { type KeyFormat, type PublicKey, rawOfSshBlob, sshBlob } from './public-key.ts';
import type { SigningKey } from './signing-key.ts';
import { fromArmour, fromBase64, toArmour, WireReader, wireString } from './wire.ts';

/** The file that holds the signature over `SHA256SUMS`, by the format of the key; a release has exactly one. */
export const SIGNATURE_FILES: Readonly<Record<KeyFormat, string>> = {
  /** 64 bytes: `openssl pkeyutl -verify -rawin` reads them. */
  pem: `${SUMS_FILE}.sig`,
  minisign: `${SUMS_FILE}.minisig`,
  ssh: `${SUMS_FILE}.sshsig`,
};

/** A signature is at most a few hundred bytes. */
export const MAX_SIGNATURE_BYTES = 4096;

/** What an OpenSSH signature says that it is for (`ssh-keygen -Y verify -n`). */
export const SSH_NAMESPACE = 'altee-release';

/**
 * Signs the text of `SHA256SUMS`; the same key, text and comment give the same bytes. `comment` is what minisign signs
 * along (its "trusted comment"), one line.
 */
export function signSums(
  sums: Uint8Array,
  { publicKey, privateKey }: SigningKey,
  comment: string,
): Uint8Array {
  const signRaw = (bytes: Uint8Array) => sign(null, bytes, privateKey);
  switch (publicKey.format) {
    case 'pem':
      return new Uint8Array(signRaw(sums));
    case 'minisign': {
      // minisign's documentation, "Signature format": ED for the prehashed form.
      const signature = signRaw(blake2b(sums));
      const line = Buffer.concat([Buffer.from('ED'), publicKey.keyNumber ?? new Uint8Array(8), signature]);
      const whole = signRaw(Buffer.concat([signature, Buffer.from(comment)]));
      return Buffer.from(
        `untrusted comment: signature of an altee release\n${line.toString('base64')}\ntrusted comment: ${comment}\n${whole.toString('base64')}\n`,
      );
    }
    case 'ssh': {
      const signature = Buffer.concat([
        wireString('ssh-ed25519'),
        wireString(signRaw(sshSigned(sums, 'sha512'))),
      ]);
      const blob = [
        Buffer.from('SSHSIG\0\0\0\x01'),
        wireString(sshBlob(publicKey.raw)),
        wireString(SSH_NAMESPACE),
        wireString(''),
        wireString('sha512'),
        wireString(signature),
      ];
      return Buffer.from(toArmour(Buffer.concat(blob), 'SSH SIGNATURE'));
    }
  }
}

/** Why the signature over the text is not this key's; undefined where it is. Never throws, whatever the bytes. */
export function signatureProblem(
  sums: Uint8Array,
  signature: Uint8Array,
  key: PublicKey,
): string | undefined {
  try {
    return CHECKS[key.format](sums, Buffer.from(signature), key);
  } catch {
    return 'it is malformed';
  }
}

const CHECKS: Readonly<
  Record<KeyFormat, (sums: Uint8Array, signature: Buffer, key: PublicKey) => string | undefined>
> = {
  pem: (sums, signature, { key }) => {
    if (signature.length !== SIGNATURE_BYTES)
      return `it has ${signature.length} bytes, not ${SIGNATURE_BYTES}`;
    return verify(null, sums, key, signature) ? undefined : OTHER;
  },
  minisign: (sums, text, { key, keyNumber }) => {
    const [, line = '', trusted = '', global = '', ...rest] = text.toString('utf8').split(/\r?\n/);
    const [blob, whole] = [fromBase64(line), fromBase64(global)];
    const comment = /^trusted comment: (.*)$/.exec(trusted)?.[1];
    if (blob?.length !== 74 || !whole || comment === undefined || rest.some((more) => more !== ''))
      return 'it is malformed';
    const algorithm = blob.toString('latin1', 0, 2);
    if (algorithm !== 'ED' && algorithm !== 'Ed') return 'it is of another algorithm than Ed25519';
    if (!blob.subarray(2, 10).equals(keyNumber ?? new Uint8Array())) return 'it is by another key';
    const signature = blob.subarray(10);
    if (!verify(null, algorithm === 'ED' ? blake2b(sums) : sums, key, signature)) return OTHER;
    const both = Buffer.concat([signature, Buffer.from(comment)]);
    return verify(null, both, key, whole) ? undefined : 'its trusted comment was changed';
  },
  // OpenSSH's PROTOCOL.sshsig.
  ssh: (sums, text, { key, raw }) => {
    const blob = fromArmour(text.toString('latin1'), 'SSH SIGNATURE');
    if (!blob) return 'it is malformed';
    const reader = new WireReader(blob);
    if (reader.take(6).toString('latin1') !== 'SSHSIG' || reader.uint32() !== 1) return 'it is malformed';
    const signer = rawOfSshBlob(reader.string());
    if (!signer || !Buffer.from(signer).equals(raw)) return 'it is by another key';
    const [namespace, , hash] = [reader.string(), reader.string(), reader.string()].map(String);
    if (namespace !== SSH_NAMESPACE) return `it is for "${namespace}", not for "${SSH_NAMESPACE}"`;
    if (hash !== 'sha512' && hash !== 'sha256') return 'it is of an unknown hash';
    const inner = new WireReader(reader.string());
    if (inner.string().toString('latin1') !== 'ssh-ed25519' || reader.rest().length > 0)
      return 'it is malformed';
    return verify(null, sshSigned(sums, hash), key, inner.string()) ? undefined : OTHER;
  },
};

const OTHER = 'it is by another key, or over other sums';

function sshSigned(message: Uint8Array, hash: 'sha256' | 'sha512'): Buffer {
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([
    Buffer.from('SSHSIG'),
    ...[wireString(SSH_NAMESPACE), wireString(''), wireString(hash), wireString(digest)],
  ]);
}

function blake2b(bytes: Uint8Array): Buffer {
  return createHash('blake2b512').update(bytes).digest();
}
