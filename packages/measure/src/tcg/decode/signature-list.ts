import { formatGuid } from '../../bytes/guid.ts';
import { Reader } from '../../bytes/reader.ts';
import { certificateName } from './certificate-name.ts';

/** Signature types (UEFI 2.11, 32.4.1 and 32.4.2). */
const types: Readonly<Record<string, string>> = {
  'c1c41626-504c-4092-aca9-41f936934328': 'SHA-256 digest',
  '826ca512-cf10-4ac9-b187-be01496631bd': 'SHA-1 digest',
  'ff3e5307-9fd0-48c9-85f1-8ad56c701e01': 'SHA-384 digest',
  '093e0fae-a6c4-4f50-9f1b-d41e2b89c19a': 'SHA-512 digest',
  '3c5766e8-269c-4e34-aa14-ed776e85b3b6': 'RSA-2048 key',
  'a5c059a1-94e4-4aa7-87b5-ab155c2bf072': 'X.509 certificate',
  '3bd2a492-96c0-4079-b420-fcf98ef103ed': 'SHA-256 digest of an X.509 certificate',
  '7076876e-80c2-4ee6-aad2-28b349a6865b': 'SHA-384 digest of an X.509 certificate',
  '446dbf63-2502-4cda-bcfa-2465d2b0fe9d': 'SHA-512 digest of an X.509 certificate',
};
export const x509Type = 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072';

/** One entry of an EFI_SIGNATURE_LIST. */
export interface SignatureEntry {
  /** GUID of the type. */
  readonly type: string;
  readonly owner: string;
  /** Certificate in DER, or digest. */
  readonly data: Uint8Array;
}

/** EFI_SIGNATURE_LISTs, one behind the other (UEFI 2.11, 32.4.1). Throws `truncated` or `malformed`. */
export function parseSignatureLists(bytes: Uint8Array): SignatureEntry[] {
  const entries: SignatureEntry[] = [];
  const reader = new Reader(bytes, 'EFI_SIGNATURE_LIST');
  while (reader.remaining > 0) {
    const at = reader.offset;
    const type = formatGuid(reader.bytes(16, 'SignatureType'));
    const listSize = reader.u32('SignatureListSize');
    const headerSize = reader.u32('SignatureHeaderSize');
    const size = reader.u32('SignatureSize');
    const body = listSize - 28 - headerSize;
    if (body < 0 || size < 16 || body % size !== 0)
      throw reader.error(
        'malformed',
        'SignatureListSize',
        `${listSize} bytes with signatures of ${size}`,
        at,
      );
    reader.skip(headerSize, 'SignatureHeader');
    const list = reader.within(body, 'Signatures', 'EFI_SIGNATURE_DATA');
    while (list.remaining > 0) {
      const owner = formatGuid(list.bytes(16, 'SignatureOwner'));
      entries.push({ type, owner, data: list.bytes(size - 16, 'SignatureData') });
    }
  }
  return entries;
}

/** `2 X.509 certificates, 77 SHA-256 digests`. */
export function summarizeSignatures(entries: readonly SignatureEntry[]): string {
  if (entries.length === 0) return 'empty';
  const counts = new Map<string, number>();
  for (const { type } of entries) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => countText(count, signatureTypeName(type))).join(', ');
}

function countText(count: number, name: string): string {
  if (count === 1) return `1 ${name}`;
  return `${count} ${name.replace(/^(SHA-\d+ digest|X\.509 certificate|RSA-2048 key|signature)/, '$1s')}`;
}

/** The type in words. */
export function signatureTypeName(type: string): string {
  return types[type] ?? `signature of type ${type}`;
}

/** The entry in one line: whose certificate it is, where it is one. */
export function describeSignature(entry: SignatureEntry): string {
  const kind = signatureTypeName(entry.type);
  if (entry.type !== x509Type) return kind;
  const name = certificateName(entry.data);
  return name === undefined ? kind : `${kind} of "${name}"`;
}
