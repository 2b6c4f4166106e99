import { equalBytes, isZero } from '../bytes/compare.ts';
import { toHex } from '../bytes/hex.ts';
import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher, type HashName, hash } from '../hash.ts';
import { authenticodeDigest } from '../pe/authenticode.ts';
import { readCertificateTable } from '../pe/certificate-table.ts';
import { type PeImage, readPe } from '../pe/image.ts';
import { type AuthenticodeSignature, parseAuthenticodeSignature } from '../pe/signature.ts';
import {
  parseSignatureLists,
  type Signature,
  type SignatureList,
  signatureTypes,
} from '../uefi/signature-list.ts';
import { signerCertificate, verifyAuthenticode } from './verify.ts';
import { parseCertificate } from './x509.ts';

/** The databases that decide about images; absent variables are empty. */
export interface SignatureDatabases {
  readonly db: Uint8Array;
  readonly dbx: Uint8Array;
  /** Time stamps' authorities. */
  readonly dbt: Uint8Array;
}

/** The entry of db that vouched for an image. */
export interface Authority {
  /** EFI_SIGNATURE_DATA: what firmware measures. */
  readonly encoded: Uint8Array;
  /** `certificate "altee db"`, `the image's digest`. */
  readonly description: string;
}

/** Whether firmware that enforces Secure Boot starts an image. */
export type ImageAppraisal =
  | { readonly verdict: 'allowed'; readonly authority: Authority }
  /** `reason` reads after "because". */
  | { readonly verdict: 'refused' | 'unknown'; readonly reason: string };

/** Thrown and caught here: a rule is missing to go on. */
class Unknown extends Error {}

/**
 * What edk2's DxeImageVerificationLib decides about an image that is loaded from a disk. Of an unsigned image its
 * SHA-256 digest has to stand in db and not in dbx. Of a signed one the signatures are tried in turn: dbx may name a
 * certificate that the signature leads to, the signer's certificate, or the digest of the image; db has to hold a
 * certificate that one of the signatures leads to, or the digest. The first entry of db that fits is the authority.
 *
 * Throws a `MeasureError` when image, db or dbx are malformed.
 */
export function appraiseImage(
  bytes: Uint8Array,
  databases: SignatureDatabases,
  hasher: Hasher = defaultHasher,
  pe: PeImage = readPe(bytes),
): ImageAppraisal {
  const db = parseSignatureLists(databases.db);
  const dbx = parseSignatureLists(databases.dbx);
  const digests = new Map<HashName, Uint8Array>();
  // A file may hold thousands of signatures: the image is hashed once for each algorithm.
  const digestOf = (algorithm: HashName): Uint8Array => {
    const digest = digests.get(algorithm) ?? authenticodeDigest(bytes, pe, algorithm, hasher);
    digests.set(algorithm, digest);
    return digest;
  };
  const table = readCertificateTable(bytes, pe);
  if (!table) return appraiseUnsigned(digestOf('sha256'), db, dbx);
  try {
    let authority: Authority | undefined;
    const reasons: string[] = [];
    for (const { pkcs7 } of table.entries) {
      const signature = readSignature(pkcs7, reasons);
      if (!signature?.digestAlgorithm) continue;
      if (signature.digestAlgorithm === 'sha224') throw new Unknown('it is signed over a SHA-224 digest');
      const digest = digestOf(signature.digestAlgorithm);
      const revoked = whyRevoked(signature, digest, databases, dbx, hasher);
      if (revoked) return { verdict: 'refused', reason: revoked };
      authority ??= findCertificate(signature, digest, databases, db, dbx, hasher);
      const digestType = signatureTypes[signature.digestAlgorithm];
      if (findDigest(dbx, digestType, digest)) return { verdict: 'refused', reason: 'dbx holds its digest' };
      authority ??= digestAuthority(findDigest(db, digestType, digest));
    }
    if (!table.intact) return { verdict: 'refused', reason: 'its certificate table is broken' };
    if (authority) return { verdict: 'allowed', authority };
    reasons.push('none of its signatures leads to a certificate in db, and db does not hold its digest');
    return { verdict: 'refused', reason: reasons.join('; ') };
  } catch (error) {
    if (error instanceof Unknown) return { verdict: 'unknown', reason: error.message };
    throw error;
  }
}

function appraiseUnsigned(
  digest: Uint8Array,
  db: readonly SignatureList[],
  dbx: readonly SignatureList[],
): ImageAppraisal {
  if (findDigest(dbx, signatureTypes.sha256, digest))
    return { verdict: 'refused', reason: 'it is not signed, and dbx holds its digest' };
  const authority = digestAuthority(findDigest(db, signatureTypes.sha256, digest));
  return authority
    ? { verdict: 'allowed', authority }
    : { verdict: 'refused', reason: 'it is not signed, and db does not hold its digest' };
}

/** A signature that can't be read vouches for nothing. */
function readSignature(pkcs7: Uint8Array, reasons: string[]): AuthenticodeSignature | undefined {
  try {
    return parseAuthenticodeSignature(pkcs7);
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    reasons.push(`one of its signatures can't be read (${error.message})`);
    return undefined;
  }
}

/** The first certificate of db that the signature leads to, unless dbx revokes that one. */
function findCertificate(
  signature: AuthenticodeSignature,
  digest: Uint8Array,
  databases: SignatureDatabases,
  db: readonly SignatureList[],
  dbx: readonly SignatureList[],
  hasher: Hasher,
): Authority | undefined {
  for (const { data, encoded } of entries(db, signatureTypes.x509)) {
    const verdict = verifyAuthenticode(signature, data, digest, hasher);
    if (verdict === 'no') continue;
    if (verdict !== 'yes') throw new Unknown(verdict.unknown);
    const certificate = parseCertificate(data);
    if (isRevoked(certificate.tbs, databases, dbx, hasher)) return undefined;
    return { encoded, description: `certificate "${certificate.title}"` };
  }
  return undefined;
}

/** edk2 `IsForbiddenByDbx`: where there is a dbx at all, it also refuses signatures without signers. */
function whyRevoked(
  signature: AuthenticodeSignature,
  digest: Uint8Array,
  databases: SignatureDatabases,
  dbx: readonly SignatureList[],
  hasher: Hasher,
): string | undefined {
  if (databases.dbx.length === 0) return undefined;
  for (const { data } of entries(dbx, signatureTypes.x509)) {
    const verdict = verifyAuthenticode(signature, data, digest, hasher);
    if (verdict === 'yes')
      return `dbx holds certificate "${parseCertificate(data).title}", which its signature leads to`;
    if (verdict !== 'no') throw new Unknown(verdict.unknown);
  }
  const signers = signature.signers.map((signer) => signerCertificate(signer, signature));
  if (signers.length === 0 || signers.includes(undefined))
    return 'its signature lacks the signer’s certificate';
  const revoked = signers.find((signer) => signer && isRevoked(signer.tbs, databases, dbx, hasher));
  return revoked && `dbx revokes the signer’s certificate "${revoked.title}"`;
}

/** Types of entries that name a certificate by the digest of its TBSCertificate, with a time of revocation behind. */
const revocationTypes = [
  { type: signatureTypes.x509Sha256, algorithm: 'sha256', size: 32 },
  { type: signatureTypes.x509Sha384, algorithm: 'sha384', size: 48 },
  { type: signatureTypes.x509Sha512, algorithm: 'sha512', size: 64 },
] as const;

function isRevoked(
  tbs: Uint8Array,
  { dbt }: SignatureDatabases,
  dbx: readonly SignatureList[],
  hasher: Hasher,
): boolean {
  for (const { type, algorithm, size } of revocationTypes) {
    const revocations = entries(dbx, type);
    if (revocations.length === 0) continue;
    const digest = hash(hasher, algorithm, tbs);
    const found = revocations.find(({ data }) => equalBytes(data.subarray(0, size), digest));
    if (!found) continue;
    // Without a time of revocation, or without authorities for time stamps, no time stamp helps.
    if (isZero(found.data.subarray(size)) || dbt.length === 0) return true;
    throw new Unknown('dbx revokes a certificate from some time on, and time stamps are not judged here');
  }
  return false;
}

function entries(lists: readonly SignatureList[], type: string): Signature[] {
  return lists.filter((list) => list.type === type).flatMap(({ signatures }) => signatures);
}

function findDigest(
  lists: readonly SignatureList[],
  type: string,
  digest: Uint8Array,
): Signature | undefined {
  return entries(lists, type).find(({ data }) => equalBytes(data, digest));
}

function digestAuthority(signature: Signature | undefined): Authority | undefined {
  return (
    signature && {
      encoded: signature.encoded,
      description: `the image’s digest ${toHex(signature.data.subarray(0, 4))}…`,
    }
  );
}
