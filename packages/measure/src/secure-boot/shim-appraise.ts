import { equalBytes } from '../bytes/compare.ts';
import type { Hasher } from '../hash.ts';
import { authenticodeDigest } from '../pe/authenticode.ts';
import { readCertificateTable } from '../pe/certificate-table.ts';
import type { PeImage } from '../pe/image.ts';
import { loadSection } from '../pe/section.ts';
import { type AuthenticodeSignature, parseAuthenticodeSignature } from '../pe/signature.ts';
import { parseSignatureLists, type Signature, signatureTypes } from '../uefi/signature-list.ts';
import { variableGuids } from '../uefi/variable.ts';
import type { Authority, SignatureDatabases } from './appraise.ts';
import { encodeOid } from './der.ts';
import { whyRevokedBySbat } from './sbat.ts';
import { verifyAuthenticode } from './verify.ts';
import { parseCertificate } from './x509.ts';

/** The lists that shim goes by, beside firmware's. */
export interface ShimLists {
  /** Its vendor's keys, then the machine owner's. */
  readonly mokList: Uint8Array;
  readonly mokListX: Uint8Array;
  readonly sbatLevel: Uint8Array;
}

/** The variable that holds the entry which vouches for an image, as shim names it in its event. */
export interface ShimAuthority extends Authority {
  readonly guid: string;
  readonly variable: 'db' | 'MokListRT';
}

export type ShimAppraisal =
  | { readonly verdict: 'allowed'; readonly authority: ShimAuthority }
  | { readonly verdict: 'refused' | 'unknown'; readonly reason: string };

const codeSigning = encodeOid('1.3.6.1.5.5.7.3.3');
const unknown = (reason: string): ShimAppraisal => ({ verdict: 'unknown', reason });
const refused = (reason: string): ShimAppraisal => ({ verdict: 'refused', reason });

/**
 * What a shim decides about the image that it starts, with Secure Boot on (rhboot/shim shim.c
 * `verify_buffer_authenticode`, `check_denylist`, `check_allowlist`; sbat.c): generation numbers, then what dbx and
 * MokListX forbid, then db, then MokListRT; in each the image's SHA-256 digest before certificates. Images with several
 * signatures, and lists of several certificates, are not judged.
 */
export function appraiseByShim(
  bytes: Uint8Array,
  pe: PeImage,
  databases: SignatureDatabases,
  lists: ShimLists,
  hasher: Hasher,
): ShimAppraisal {
  const sbat = pe.sections.find(({ name }) => name === '.sbat');
  const revoked = whyRevokedBySbat(sbat && loadSection(bytes, sbat).data, lists.sbatLevel);
  if (revoked) return refused(`shim refuses it: ${revoked}`);
  const digest = authenticodeDigest(bytes, pe, 'sha256', hasher);
  const table = readCertificateTable(bytes, pe);
  if (table && (!table.intact || table.entries.length !== 1))
    return unknown(
      'it has several signatures, or a broken certificate table, and which of them shim takes is not known',
    );
  const [entry] = table?.entries ?? [];
  const signature = entry && parseAuthenticodeSignature(entry.pkcs7);
  for (const [name, list] of [
    ['dbx', databases.dbx],
    ['MokListX', lists.mokListX],
  ] as const) {
    const found = search(list, digest, signature, hasher);
    if (found === 'unknown') return unknown(`shim’s search in ${name} is not known in full`);
    if (found) return refused(`${name} forbids it`);
  }
  for (const [variable, guid, list] of [
    ['db', variableGuids.imageSecurity, databases.db],
    ['MokListRT', variableGuids.shim, lists.mokList],
  ] as const) {
    const found = search(list, digest, signature, hasher);
    if (found === 'unknown') return unknown(`shim’s search in ${variable} is not known in full`);
    if (found)
      return {
        verdict: 'allowed',
        authority: { ...found, description: `${found.description} in ${variable}`, guid, variable },
      };
  }
  return refused('neither db nor MokList vouches for it, so that shim refuses it');
}

function search(
  list: Uint8Array,
  digest: Uint8Array,
  signature: AuthenticodeSignature | undefined,
  hasher: Hasher,
): Authority | 'unknown' | undefined {
  const lists = parseSignatureLists(list);
  const of = (type: string): Signature[] =>
    lists.filter((each) => each.type === type).flatMap(({ signatures }) => signatures);
  const byDigest = of(signatureTypes.sha256).find(({ data }) => equalBytes(data, digest));
  if (byDigest) return { encoded: byDigest.encoded, description: 'the image’s digest' };
  if (!signature) return undefined;
  const certificates = lists.filter(({ type }) => type === signatureTypes.x509);
  if (certificates.some(({ signatures }) => signatures.length !== 1)) return 'unknown';
  for (const { data, encoded } of certificates.flatMap(({ signatures }) => signatures)) {
    const verdict = verifyAuthenticode(signature, data, digest, hasher);
    if (verdict === 'no') continue;
    if (verdict !== 'yes') return 'unknown';
    const { extensions, title } = parseCertificate(data);
    const purposes = extensions.extendedKeyUsage;
    if (purposes && !purposes.some((purpose) => equalBytes(purpose, codeSigning))) continue;
    return { encoded, description: `certificate "${title}"` };
  }
  return undefined;
}
