import { equalBytes } from '../bytes/compare.ts';
import { MeasureError } from '../error.ts';
import { type Hasher, hash } from '../hash.ts';
import type { AuthenticodeSignature, Signer } from '../pe/signature.ts';
import { digestOids } from './algorithms.ts';
import { type Verdict, verifyChain, verifyWithKey } from './chain.ts';
import { findOid } from './der.ts';
import { type Certificate, parseCertificate } from './x509.ts';

/**
 * Whether a signature of an image is good and leads to the certificate, as edk2's AuthenticodeVerify() and OpenSSL's
 * PKCS7_verify() decide it: the contents end in the image's digest, and every signer's chain, attributes and
 * signature hold. A certificate that can't be read counts as none.
 */
export function verifyAuthenticode(
  signature: AuthenticodeSignature,
  trustedBytes: Uint8Array,
  imageDigest: Uint8Array,
  hasher: Hasher,
): Verdict {
  const trusted = certificateOrNone(trustedBytes);
  if (!trusted || !coversImage(signature, imageDigest)) return 'no';
  const { signers } = signature;
  if (signers.length === 0) return 'no';
  let answer: Verdict = 'yes';
  for (const signer of signers) {
    const verdict = verifySigner(signer, signature, trusted, hasher);
    if (verdict === 'no') return 'no';
    if (verdict !== 'yes') answer = verdict;
  }
  return answer;
}

/** Whether the digest that was signed is the image's. */
function coversImage({ contents }: AuthenticodeSignature, imageDigest: Uint8Array): boolean {
  return equalBytes(contents.subarray(-imageDigest.length), imageDigest);
}

/** The certificate of a signer, from those in the signature. */
export function signerCertificate(
  signer: Signer,
  { certificates }: AuthenticodeSignature,
): Certificate | undefined {
  return certificates.find(
    ({ issuer, serialNumber }) => issuer === signer.issuer && equalBytes(serialNumber, signer.serialNumber),
  );
}

function verifySigner(
  signer: Signer,
  signature: AuthenticodeSignature,
  trusted: Certificate,
  hasher: Hasher,
): Verdict {
  const certificate = signerCertificate(signer, signature);
  if (!certificate) return 'no';
  const chain = verifyChain(certificate, trusted, signature.certificates, hasher);
  if (chain === 'no') return 'no';
  const signed = verifySigned(signer, signature, certificate, hasher);
  return signed === 'yes' ? chain : signed;
}

function verifySigned(
  { digestAlgorithm, attributes, signature }: Signer,
  { contents }: AuthenticodeSignature,
  certificate: Certificate,
  hasher: Hasher,
): Verdict {
  const algorithm = findOid(digestOids, digestAlgorithm);
  if (!algorithm) return { unknown: 'the signature uses a digest that this version does not know' };
  const contentsDigest = hash(hasher, algorithm, contents);
  if (!attributes) return verifyWithKey(certificate, algorithm, contentsDigest, signature);
  if (!attributes.messageDigest || !equalBytes(attributes.messageDigest, contentsDigest)) return 'no';
  return verifyWithKey(certificate, algorithm, hash(hasher, algorithm, attributes.encoded), signature);
}

function certificateOrNone(bytes: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(bytes);
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}
