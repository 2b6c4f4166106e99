import { formatGuid, parseGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { concatBytes, Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';

/** Kinds of entries (UEFI 2.11, 32.4.1 "EFI_SIGNATURE_DATA"); other GUIDs are kept as they are. */
export const signatureTypes = {
  sha1: '826ca512-cf10-4ac9-b187-be01496631bd',
  sha224: '0b6e5233-a65c-44c9-9407-d9ab83bfc8bd',
  sha256: 'c1c41626-504c-4092-aca9-41f936934328',
  sha384: 'ff3e5307-9fd0-48c9-85f1-8ad56c701e01',
  sha512: '093e0fae-a6c4-4f50-9f1b-d41e2b89c19a',
  rsa2048: '3c5766e8-269c-4e34-aa14-ed776e85b3b6',
  x509: 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072',
  x509Sha256: '3bd2a492-96c0-4079-b420-fcf98ef103ed',
  x509Sha384: '7076876e-80c2-4ee6-aad2-28b349a6865b',
  x509Sha512: '446dbf63-2502-4cda-bcfa-2465d2b0fe9d',
} as const;

/** One entry of a list: EFI_SIGNATURE_DATA. */
export interface Signature {
  /** GUID of whoever put it there. */
  readonly owner: string;
  /** The certificate or digest. */
  readonly data: Uint8Array;
  /** Owner and data as they stand: what an authority event measures. */
  readonly encoded: Uint8Array;
}

/** EFI_SIGNATURE_LIST: entries of one type and one size. */
export interface SignatureList {
  readonly type: string;
  readonly header: Uint8Array;
  readonly signatures: readonly Signature[];
}

const listHeaderSize = 28;
const ownerSize = 16;

/**
 * The lists that PK, KEK, db, dbx and dbt hold (UEFI 2.11, 32.4.1). Throws `truncated` or `malformed` when a size
 * is not that of its bytes; firmware refuses to store such a variable.
 */
export function parseSignatureLists(bytes: Uint8Array): SignatureList[] {
  const reader = new Reader(bytes, 'EFI_SIGNATURE_LIST');
  const lists: SignatureList[] = [];
  while (reader.remaining > 0) lists.push(readList(reader));
  return lists;
}

function readList(reader: Reader): SignatureList {
  const start = reader.offset;
  const type = formatGuid(reader.bytes(16, 'SignatureType'));
  const listSize = reader.u32('SignatureListSize');
  const headerSize = reader.u32('SignatureHeaderSize');
  const signatureSize = reader.u32('SignatureSize');
  if (listSize < listHeaderSize)
    throw reader.error('malformed', 'SignatureListSize', `${listSize} is less than its header`, start + 16);
  const body = reader.within(listSize - listHeaderSize, 'SignatureListSize', 'EFI_SIGNATURE_LIST');
  const header = body.bytes(headerSize, 'SignatureHeader');
  if (signatureSize <= ownerSize || body.remaining % signatureSize !== 0) {
    throw reader.error(
      'malformed',
      'SignatureSize',
      `${body.remaining} bytes are no whole number of entries of ${signatureSize}`,
      start + 24,
    );
  }
  const signatures: Signature[] = [];
  while (body.remaining > 0) {
    const encoded = body.bytes(signatureSize, 'Signatures');
    signatures.push({
      owner: formatGuid(encoded.subarray(0, ownerSize)),
      data: encoded.subarray(ownerSize),
      encoded,
    });
  }
  return { type, header, signatures };
}

/** The bytes of one list with an empty header. Throws `malformed` when the entries differ in size. */
export function encodeSignatureList(
  type: string,
  signatures: readonly Pick<Signature, 'owner' | 'data'>[],
): Uint8Array {
  const [first] = signatures;
  if (!first) return new Uint8Array(0);
  const size = ownerSize + first.data.length;
  if (signatures.some(({ data }) => data.length !== first.data.length))
    throw new MeasureError('malformed', 'The entries of one EFI_SIGNATURE_LIST have one size');
  const writer = new Writer();
  writer.bytes(parseGuid(type)).u32(listHeaderSize + size * signatures.length);
  writer.u32(0).u32(size);
  for (const { owner, data } of signatures) writer.bytes(parseGuid(owner)).bytes(data);
  return writer.finish();
}

/** Certificates as tools enrol them: a list each, as their sizes differ. */
export function encodeCertificateLists(owner: string, certificates: readonly Uint8Array[]): Uint8Array {
  return concatBytes(certificates.map((data) => encodeSignatureList(signatureTypes.x509, [{ owner, data }])));
}
