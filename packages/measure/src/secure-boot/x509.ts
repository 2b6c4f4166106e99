import { equalBytes } from '../bytes/compare.ts';
import { bitStringBytes, type DerElement, DerReader, derTags, encodeOid, findOid, inside } from './der.ts';
import { canonicalName, showName } from './name.ts';

/** What an X.509 certificate says, as far as building a chain needs it (RFC 5280, 4.1). */
export interface Certificate {
  readonly encoded: Uint8Array;
  /** TBSCertificate as it stands: what the signature covers, and what dbx may name by its digest. */
  readonly tbs: Uint8Array;
  /** Content octets of the serial number. */
  readonly serialNumber: Uint8Array;
  /** Names in a form that can be compared. */
  readonly issuer: string;
  readonly subject: string;
  /** The subject's common name, for messages. */
  readonly title: string;
  readonly version: number;
  readonly keyAlgorithm: Uint8Array;
  readonly key: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  /** The algorithm as it stands inside the signed part: has to be the same. */
  readonly innerSignatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly extensions: CertificateExtensions;
}

/** Extensions that chain building looks at (RFC 5280, 4.2). */
export interface CertificateExtensions {
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength: number | undefined };
  /** First byte of the bits of key usage. */
  readonly keyUsage?: number;
  readonly subjectKeyId?: Uint8Array;
  readonly authorityKeyId?: { readonly keyId?: Uint8Array; readonly serialNumber?: Uint8Array };
  /** Purposes that the key may serve, as content octets; absent: any. */
  readonly extendedKeyUsage?: readonly Uint8Array[];
  /** True when an extension may restrict the chain in a way that this library has no rules for. */
  readonly restricts: boolean;
}

const extensionOids = {
  subjectKeyId: encodeOid('2.5.29.14'),
  keyUsage: encodeOid('2.5.29.15'),
  subjectAltName: encodeOid('2.5.29.17'),
  basicConstraints: encodeOid('2.5.29.19'),
  nameConstraints: encodeOid('2.5.29.30'),
  certificatePolicies: encodeOid('2.5.29.32'),
  authorityKeyId: encodeOid('2.5.29.35'),
  extendedKeyUsage: encodeOid('2.5.29.37'),
} as const;

/** Reads a DER-encoded certificate. Throws `truncated`, `malformed` or `trailing`. */
export function parseCertificate(bytes: Uint8Array): Certificate {
  const outer = new DerReader(bytes, 'Certificate').take(derTags.sequence, 'Certificate');
  const certificate = inside(outer, 'Certificate');
  const tbs = certificate.take(derTags.sequence, 'tbsCertificate');
  const signatureAlgorithm = certificate.inside(derTags.sequence, 'signatureAlgorithm');
  const signature = bitStringBytes(certificate.take(derTags.bitString, 'signatureValue'), 'signatureValue');

  const fields = inside(tbs, 'TBSCertificate');
  const explicitVersion = fields.optional(derTags.context0, 'version');
  const version = explicitVersion
    ? (inside(explicitVersion, 'Version').take(derTags.integer, 'version').content[0] ?? 0) + 1
    : 1;
  const serialNumber = fields.take(derTags.integer, 'serialNumber').content;
  const innerAlgorithm = fields.inside(derTags.sequence, 'signature');
  const issuer = fields.take(derTags.sequence, 'issuer');
  fields.take(derTags.sequence, 'validity');
  const subject = fields.take(derTags.sequence, 'subject');
  const keyInfo = fields.inside(derTags.sequence, 'subjectPublicKeyInfo');
  const keyAlgorithm = keyInfo
    .inside(derTags.sequence, 'algorithm')
    .take(derTags.objectIdentifier, 'algorithm');
  const key = bitStringBytes(keyInfo.take(derTags.bitString, 'subjectPublicKey'), 'subjectPublicKey');
  // issuerUniqueID [1] and subjectUniqueID [2], both primitive.
  fields.optional(0x81, 'issuerUniqueID');
  fields.optional(0x82, 'subjectUniqueID');
  const extensions = fields.optional(derTags.context3, 'extensions');

  return {
    encoded: outer.encoded,
    tbs: tbs.encoded,
    serialNumber,
    issuer: canonicalName(issuer),
    subject: canonicalName(subject),
    title: showName(subject),
    version,
    keyAlgorithm: keyAlgorithm.content,
    key,
    signatureAlgorithm: signatureAlgorithm.take(derTags.objectIdentifier, 'algorithm').content,
    innerSignatureAlgorithm: innerAlgorithm.take(derTags.objectIdentifier, 'algorithm').content,
    signature,
    extensions: readExtensions(extensions),
  };
}

/** The same certificate, to the byte. */
export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return equalBytes(a.encoded, b.encoded);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readExtensions(explicit: DerElement | undefined): CertificateExtensions {
  const found: Mutable<CertificateExtensions> = { restricts: false };
  if (!explicit) return found;
  const list = inside(explicit, 'Extensions').inside(derTags.sequence, 'Extensions');
  while (!list.atEnd) {
    const extension = list.inside(derTags.sequence, 'Extension');
    const oid = extension.take(derTags.objectIdentifier, 'extnID').content;
    const critical = (extension.optional(derTags.boolean, 'critical')?.content[0] ?? 0) !== 0;
    const value = extension.take(derTags.octetString, 'extnValue');
    const name = findOid(extensionOids, oid);
    if (name === 'nameConstraints' || (name === undefined && critical)) found.restricts = true;
    readExtension(found, name, new DerReader(value.content, `Extension ${name}`, value.contentOffset));
  }
  return found;
}

function readExtension(
  found: Mutable<CertificateExtensions>,
  name: keyof typeof extensionOids | undefined,
  value: DerReader,
): void {
  switch (name) {
    case 'subjectKeyId':
      found.subjectKeyId = value.take(derTags.octetString, 'keyIdentifier').content;
      break;
    case 'keyUsage':
      // The first byte of a BIT STRING counts its unused bits.
      found.keyUsage = value.take(derTags.bitString, 'keyUsage').content[1] ?? 0;
      break;
    case 'basicConstraints': {
      const fields = value.inside(derTags.sequence, 'basicConstraints');
      const ca = (fields.optional(derTags.boolean, 'cA')?.content[0] ?? 0) !== 0;
      const pathLength = fields.optional(derTags.integer, 'pathLenConstraint')?.content.at(-1);
      found.basicConstraints = { ca, pathLength };
      break;
    }
    case 'authorityKeyId': {
      const fields = value.inside(derTags.sequence, 'authorityKeyIdentifier');
      const keyId = fields.optional(0x80, 'keyIdentifier')?.content;
      fields.optional(0xa1, 'authorityCertIssuer');
      const serialNumber = fields.optional(0x82, 'authorityCertSerialNumber')?.content;
      found.authorityKeyId = { ...(keyId ? { keyId } : {}), ...(serialNumber ? { serialNumber } : {}) };
      break;
    }
    case 'extendedKeyUsage': {
      const purposes = value.inside(derTags.sequence, 'extKeyUsage');
      const all: Uint8Array[] = [];
      while (!purposes.atEnd) all.push(purposes.take(derTags.objectIdentifier, 'KeyPurposeId').content);
      found.extendedKeyUsage = all;
      break;
    }
    default:
      break;
  }
}
