import { equalBytes } from '../bytes/compare.ts';
import { type Hasher, hash } from '../hash.ts';
import { rsaEncryption, rsaSignatureOids } from './algorithms.ts';
import { findOid } from './der.ts';
import { parseRsaKey, verifyRsa } from './rsa.ts';
import { type Certificate, sameCertificate } from './x509.ts';

/** An answer that may be missing: `unknown` says for want of which rule. */
export type Verdict = 'yes' | 'no' | { readonly unknown: string };

/** keyCertSign, in the first byte of key usage (RFC 5280, 4.2.1.3). */
const keyCertSign = 0x04;

/**
 * Whether a certificate leads to a trusted one, over others that came with the signature, as OpenSSL's
 * X509_verify_cert() does it the way edk2 asks for it: partial chains, no dates, any purpose (edk2
 * CryptoPkg/Library/BaseCryptLib/Pk/CryptPkcs7VerifyCommon.c `Pkcs7Verify`). The trusted certificate's own signature
 * doesn't count.
 */
export function verifyChain(
  leaf: Certificate,
  trusted: Certificate,
  others: readonly Certificate[],
  hasher: Hasher,
): Verdict {
  if (sameCertificate(leaf, trusted)) return leaf.extensions.restricts ? restricted(leaf) : 'yes';
  const seen = new Set<Certificate>([leaf]);
  const chain: Certificate[] = [leaf];
  for (;;) {
    const current = chain.at(-1) ?? leaf;
    const verdict = step(current, trusted, chain, hasher);
    if (verdict) return verdict;
    // Each certificate is looked at once, so that a hostile set costs no more than it holds.
    const issuers = others.filter((other) => !seen.has(other) && mayIssue(other, current));
    const [issuer] = issuers;
    if (!issuer) return 'no';
    if (issuers.some((other) => !sameCertificate(other, issuer)))
      return { unknown: `two certificates in the signature may have issued "${current.title}"` };
    for (const other of issuers) seen.add(other);
    const signed = verifyIssued(current, issuer, hasher);
    if (signed !== 'yes') return signed;
    chain.push(issuer);
  }
}

/** The answer where the trusted certificate is the issuer of the current one; `undefined` when it is not. */
function step(
  current: Certificate,
  trusted: Certificate,
  chain: readonly Certificate[],
  hasher: Hasher,
): Verdict | undefined {
  if (!mayIssue(trusted, current)) return undefined;
  const signed = verifyIssued(current, trusted, hasher);
  if (signed !== 'yes') return signed;
  return checkAuthorities([...chain.slice(1), trusted], chain[0]);
}

/** Every issuer has to be an authority, with room for those below it (OpenSSL crypto/x509 `check_extensions`). */
function checkAuthorities(issuers: readonly Certificate[], leaf: Certificate | undefined): Verdict {
  const restricting = [...issuers, ...(leaf ? [leaf] : [])].find(({ extensions }) => extensions.restricts);
  if (restricting) return restricted(restricting);
  let below = 0;
  for (const issuer of issuers) {
    const room = issuer.extensions.basicConstraints?.pathLength;
    if (!isAuthority(issuer) || (room !== undefined && below > room)) return 'no';
    if (issuer.subject !== issuer.issuer) below++;
  }
  return 'yes';
}

function restricted({ title }: Certificate): Verdict {
  return { unknown: `certificate "${title}" has an extension that this version has no rules for` };
}

/** OpenSSL crypto/x509/v3_purp.c `check_ca`. */
function isAuthority({ extensions, version, subject, issuer }: Certificate): boolean {
  const { keyUsage, basicConstraints } = extensions;
  if (keyUsage !== undefined && (keyUsage & keyCertSign) === 0) return false;
  if (basicConstraints) return basicConstraints.ca;
  return (version === 1 && subject === issuer) || keyUsage !== undefined;
}

/** Names, key identifiers and key usage allow it (OpenSSL crypto/x509/v3_purp.c `X509_check_issued`). */
function mayIssue(issuer: Certificate, subject: Certificate): boolean {
  if (issuer.subject !== subject.issuer) return false;
  const { keyId, serialNumber } = subject.extensions.authorityKeyId ?? {};
  const own = issuer.extensions.subjectKeyId;
  if (keyId && own && !equalBytes(keyId, own)) return false;
  if (serialNumber && !equalBytes(serialNumber, issuer.serialNumber)) return false;
  const { keyUsage } = issuer.extensions;
  return keyUsage === undefined || (keyUsage & keyCertSign) !== 0;
}

function verifyIssued(subject: Certificate, issuer: Certificate, hasher: Hasher): Verdict {
  if (!equalBytes(subject.signatureAlgorithm, subject.innerSignatureAlgorithm)) return 'no';
  const algorithm = findOid(rsaSignatureOids, subject.signatureAlgorithm);
  if (!algorithm)
    return { unknown: `certificate "${subject.title}" is signed in a way that this version can't verify` };
  const digest = hash(hasher, algorithm, subject.tbs);
  return verifyWithKey(issuer, algorithm, digest, subject.signature);
}

/** Verifies a signature with a certificate's key; only RSA is known here. */
export function verifyWithKey(
  certificate: Certificate,
  algorithm: keyof typeof rsaSignatureOids,
  digest: Uint8Array,
  signature: Uint8Array,
): Verdict {
  const key = equalBytes(certificate.keyAlgorithm, rsaEncryption) ? parseRsaKey(certificate.key) : undefined;
  if (!key)
    return {
      unknown: `the key of certificate "${certificate.title}" is of a kind that this version can't use`,
    };
  return verifyRsa(key, algorithm, digest, signature) ? 'yes' : 'no';
}
