import type { HashName } from '../hash.ts';
import { encodeOid } from './der.ts';

/** Digest algorithms (RFC 8017, appendix C). */
export const digestOids: Readonly<Record<HashName, Uint8Array>> = {
  sha1: encodeOid('1.3.14.3.2.26'),
  sha256: encodeOid('2.16.840.1.101.3.4.2.1'),
  sha384: encodeOid('2.16.840.1.101.3.4.2.2'),
  sha512: encodeOid('2.16.840.1.101.3.4.2.3'),
};

/** PKCS #1 v1.5 signature algorithms by their digest (RFC 8017, appendix C). */
export const rsaSignatureOids: Readonly<Record<HashName, Uint8Array>> = {
  sha1: encodeOid('1.2.840.113549.1.1.5'),
  sha256: encodeOid('1.2.840.113549.1.1.11'),
  sha384: encodeOid('1.2.840.113549.1.1.12'),
  sha512: encodeOid('1.2.840.113549.1.1.13'),
};

/** rsaEncryption (RFC 8017, appendix A.1). */
export const rsaEncryption = encodeOid('1.2.840.113549.1.1.1');
