import { equalBytes } from '../bytes/compare.ts';
import { MeasureError } from '../error.ts';
import { type HashName, hashNames } from '../hash.ts';
import { digestOids } from '../secure-boot/algorithms.ts';
import { children, type DerElement, DerReader, derTags, encodeOid, inside } from '../secure-boot/der.ts';
import { canonicalName } from '../secure-boot/name.ts';
import { type Certificate, parseCertificate } from '../secure-boot/x509.ts';

/** One signer of a signature (RFC 2315, 9.2 "SignerInfo"). */
export interface Signer {
  /** The signer's certificate, by the name of its issuer and its serial number. */
  readonly issuer: string;
  readonly serialNumber: Uint8Array;
  readonly digestAlgorithm: Uint8Array;
  /** The authenticated attributes as they are signed, and the digest of the contents that stands in them. */
  readonly attributes:
    | { readonly encoded: Uint8Array; readonly messageDigest: Uint8Array | undefined }
    | undefined;
  readonly signature: Uint8Array;
}

/** An Authenticode signature: PKCS #7 signed data whose contents say what the image's digest is. */
export interface AuthenticodeSignature {
  /** Which digest of the image edk2 takes for this signature; `undefined` for one that it passes over. */
  readonly digestAlgorithm: HashName | 'sha224' | undefined;
  /** SpcIndirectDataContent without its identifier and length: what the signers' digests cover. */
  readonly contents: Uint8Array;
  readonly certificates: readonly Certificate[];
  readonly signers: readonly Signer[];
}

const signedDataOid = encodeOid('1.2.840.113549.1.7.2');
/** SPC_INDIRECT_DATA ("Windows Authenticode Portable Executable Signature Format", 2008, "SpcIndirectDataContent"). */
const indirectDataOid = encodeOid('1.3.6.1.4.1.311.2.1.4');
const messageDigestOid = encodeOid('1.2.840.113549.1.9.4');
const sha224Oid = encodeOid('2.16.840.1.101.3.4.2.4');

/**
 * Reads a PKCS #7 signature of an image (RFC 2315, 9.1, in DER). Throws `truncated`, `malformed` or `unsupported`.
 * Nothing is verified here.
 */
export function parseAuthenticodeSignature(pkcs7: Uint8Array): AuthenticodeSignature {
  const contentInfo = new DerReader(pkcs7, 'ContentInfo').inside(derTags.sequence, 'ContentInfo');
  expectOid(contentInfo.take(derTags.objectIdentifier, 'contentType'), signedDataOid, 'PKCS #7 signed data');
  const signedData = contentInfo.inside(derTags.context0, 'content').inside(derTags.sequence, 'SignedData');
  signedData.take(derTags.integer, 'version');
  signedData.take(derTags.set, 'digestAlgorithms');
  const encapsulated = signedData.inside(derTags.sequence, 'contentInfo');
  expectOid(
    encapsulated.take(derTags.objectIdentifier, 'contentType'),
    indirectDataOid,
    'SpcIndirectDataContent',
  );
  const contents = encapsulated.inside(derTags.context0, 'content').take(derTags.sequence, 'content').content;
  const certificates = signedData.optional(derTags.context0, 'certificates');
  signedData.optional(0xa1, 'crls');
  const signers = children(signedData.take(derTags.set, 'signerInfos'), 'SignerInfos');
  return {
    digestAlgorithm: imageDigestAlgorithm(pkcs7),
    contents,
    certificates: certificates
      ? children(certificates, 'ExtendedCertificatesAndCertificates').map(({ encoded }) =>
          parseCertificate(encoded),
        )
      : [],
    signers: signers.map(readSigner),
  };
}

/**
 * edk2 looks for the digest algorithm at a fixed place, where it stands when outer lengths have two bytes
 * (DxeImageVerificationLib `HashPeImageByType`).
 */
function imageDigestAlgorithm(pkcs7: Uint8Array): AuthenticodeSignature['digestAlgorithm'] {
  const isAt32 = (oid: Uint8Array): boolean => equalBytes(pkcs7.subarray(32, 32 + oid.length), oid);
  if (((pkcs7[1] ?? 0) & 0x82) !== 0x82) return undefined;
  return hashNames.find((name) => isAt32(digestOids[name])) ?? (isAt32(sha224Oid) ? 'sha224' : undefined);
}

function readSigner(element: DerElement): Signer {
  const fields = inside(element, 'SignerInfo');
  fields.take(derTags.integer, 'version');
  const id = fields.inside(derTags.sequence, 'issuerAndSerialNumber');
  const issuer = canonicalName(id.take(derTags.sequence, 'issuer'));
  const serialNumber = id.take(derTags.integer, 'serialNumber').content;
  const digestAlgorithm = fields
    .inside(derTags.sequence, 'digestAlgorithm')
    .take(derTags.objectIdentifier, 'algorithm').content;
  const attributes = fields.optional(derTags.context0, 'authenticatedAttributes');
  fields.take(derTags.sequence, 'digestEncryptionAlgorithm');
  const signature = fields.take(derTags.octetString, 'encryptedDigest').content;
  return {
    issuer,
    serialNumber,
    digestAlgorithm,
    attributes: attributes && readAttributes(attributes),
    signature,
  };
}

/** The signature covers the attributes as a SET, and not with the tag that they stand under (RFC 2315, 9.3). */
function readAttributes(element: DerElement): NonNullable<Signer['attributes']> {
  const encoded = Uint8Array.from(element.encoded);
  encoded[0] = derTags.set;
  let messageDigest: Uint8Array | undefined;
  for (const attribute of children(element, 'Attributes')) {
    const fields = inside(attribute, 'Attribute');
    const type = fields.take(derTags.objectIdentifier, 'type').content;
    if (!equalBytes(type, messageDigestOid)) continue;
    messageDigest = fields.inside(derTags.set, 'values').take(derTags.octetString, 'messageDigest').content;
  }
  return { encoded, messageDigest };
}

function expectOid(element: DerElement, oid: Uint8Array, what: string): void {
  if (!equalBytes(element.content, oid))
    throw new MeasureError('unsupported', `The signature does not hold ${what}`, {
      offset: element.contentOffset,
    });
}
