import { MeasureError } from '../../error.ts';
import { parseCertificate } from '../../secure-boot/x509.ts';
import { type Signature, type SignatureList, signatureTypes } from '../../uefi/signature-list.ts';

/** Types of signatures in words, one and more than one (UEFI 2.11, 32.4.1). */
const typeNames: ReadonlyMap<string, readonly [one: string, more: string]> = new Map([
  [signatureTypes.sha1, ['SHA-1 digest', 'SHA-1 digests']],
  [signatureTypes.sha224, ['SHA-224 digest', 'SHA-224 digests']],
  [signatureTypes.sha256, ['SHA-256 digest', 'SHA-256 digests']],
  [signatureTypes.sha384, ['SHA-384 digest', 'SHA-384 digests']],
  [signatureTypes.sha512, ['SHA-512 digest', 'SHA-512 digests']],
  [signatureTypes.rsa2048, ['RSA-2048 key', 'RSA-2048 keys']],
  [signatureTypes.x509, ['X.509 certificate', 'X.509 certificates']],
  [signatureTypes.x509Sha256, ['certificate by SHA-256', 'certificates by SHA-256']],
  [signatureTypes.x509Sha384, ['certificate by SHA-384', 'certificates by SHA-384']],
  [signatureTypes.x509Sha512, ['certificate by SHA-512', 'certificates by SHA-512']],
]);

/** `2 X.509 certificates, 77 SHA-256 digests`. */
export function summarizeSignatures(lists: readonly SignatureList[]): string {
  const counts = new Map<string, number>();
  for (const { type, signatures } of lists) counts.set(type, (counts.get(type) ?? 0) + signatures.length);
  if (counts.size === 0) return 'empty';
  return [...counts].map(([type, count]) => `${count} ${typeName(type, count)}`).join(', ');
}

/** One line for each certificate: whose it is. */
export function describeCertificates(lists: readonly SignatureList[]): string[] {
  return lists.flatMap(({ type, signatures }) =>
    type === signatureTypes.x509 ? signatures.map(({ data }) => describeCertificate(data)) : [],
  );
}

/** `certificate of "Microsoft Windows Production PCA 2011"`. Says whose it claims to be, and proves nothing. */
export function describeCertificate(der: Uint8Array): string {
  return `certificate of "${certificateTitle(der) ?? 'nobody that can be read'}"`;
}

/** The common name in a certificate, or `undefined` where the bytes are none. */
export function certificateTitle(der: Signature['data']): string | undefined {
  try {
    return parseCertificate(der).title;
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

function typeName(type: string, count: number): string {
  const [one, more] = typeNames.get(type) ?? [`signature of type ${type}`, `signatures of type ${type}`];
  return count === 1 ? one : more;
}
