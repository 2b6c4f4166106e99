import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { encodePcrSignature, type PcrPhasePolicy } from '@altee/measure';
import { BuilderError } from '../error.ts';

/** What systemd reads from `/.extra` or a unified kernel image's sections `.pcrsig` and `.pcrpkey`. */
export interface SignedPcrPolicies {
  /** `tpm2-pcr-signature.json`. */
  readonly signature: string;
  /** `tpm2-pcr-public-key.pem`. */
  readonly publicKey: string;
}

/**
 * Signs each policy once, as `systemd-measure sign` does: RSASSA-PKCS1-v1_5 with SHA-256 over the policy digest's
 * bytes, which gives the same signature every time. Throws `invalid-input` for text that is no private RSA key in PEM,
 * and for an encrypted one.
 */
export function signPcrPolicies(
  policies: readonly PcrPhasePolicy[],
  privateKeyPem: string,
): SignedPcrPolicies {
  const key = readKey(privateKeyPem);
  const publicKey = createPublicKey(key);
  // systemd hashes what OpenSSL's i2d_PublicKey() gives: for RSA the PKCS #1 structure (src/shared/openssl-util.c).
  const der = publicKey.export({ type: 'pkcs1', format: 'der' });
  const signed = policies.map(({ bank, policy }) => ({
    bank,
    policy,
    signature: sign('sha256', policy, key).toString('base64'),
  }));
  return {
    signature: encodePcrSignature(signed, createHash('sha256').update(der).digest()),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function readKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new BuilderError('invalid-input', 'The signing key is no private key in PEM without a passphrase', {
      hint: 'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem',
      cause: error,
    });
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  // A TPM need not take any other: 2048 bits are mandatory, 3072 and 4096 common (PC Client Platform TPM Profile 1.06, 4.3).
  if (key.asymmetricKeyType !== 'rsa' || (modulusLength ?? 0) < 2048 || publicExponent !== 65537n) {
    throw new BuilderError(
      'invalid-input',
      'The signing key must be an RSA key of at least 2048 bits with exponent 65537: systemd verifies no other',
    );
  }
  return key;
}
