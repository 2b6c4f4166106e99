import { equalBytes } from '../bytes/compare.ts';
import { parseGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { type PeImage, peDirectories } from './image.ts';

/** One entry of the attribute certificate table that firmware looks into: a DER-encoded PKCS #7 signature. */
export interface CertificateEntry {
  /** Offset of the entry in the file. */
  readonly offset: number;
  readonly pkcs7: Uint8Array;
}

/** The attribute certificate table of an image. */
export interface CertificateTable {
  readonly entries: readonly CertificateEntry[];
  /** False when its sizes do not add up: firmware then trusts none of its signatures. */
  readonly intact: boolean;
}

/** WIN_CERT_TYPE_PKCS_SIGNED_DATA, WIN_CERT_TYPE_EFI_GUID (UEFI 2.11, 32.2.4). */
const pkcsSignedData = 0x0002;
const efiGuid = 0x0ef1;
/** EFI_CERT_TYPE_PKCS7_GUID (UEFI 2.11, 32.2.4). */
const pkcs7Guid = parseGuid('4aafd29d-68df-49ee-8aa9-347d375665a7');
const headerSize = 8;

/**
 * The signatures of an image in the order in which firmware tries them (PE format, "The Attribute Certificate
 * Table"; edk2 DxeImageVerificationLib `DxeImageVerificationHandler`); `undefined` when the image is not signed.
 * Throws `truncated` when the table reaches past the end of the file.
 */
export function readCertificateTable(bytes: Uint8Array, pe: PeImage): CertificateTable | undefined {
  const directory = pe.dataDirectories[peDirectories.certificateTable];
  // The directory's "address" is a file offset.
  if (directory === undefined || directory.size === 0) return undefined;
  const file = new Reader(bytes, 'IMAGE_DATA_DIRECTORY');
  file.skip(directory.address, 'CertificateTable.VirtualAddress');
  const table = file.within(directory.size, 'CertificateTable.Size', 'WIN_CERTIFICATE');
  const entries: CertificateEntry[] = [];
  while (table.remaining > headerSize) {
    const offset = table.offset;
    const length = table.u32('dwLength');
    table.skip(2, 'wRevision');
    const type = table.u16('wCertificateType');
    const padding = (8 - (length % 8)) % 8;
    if (length < headerSize || length - headerSize + padding > table.remaining)
      return { entries, intact: false };
    const contents = table.bytes(length - headerSize, 'bCertificate');
    table.skip(padding, 'padding');
    const pkcs7 = pkcs7Of(type, contents);
    if (pkcs7 === 'broken') return { entries, intact: false };
    if (pkcs7) entries.push({ offset, pkcs7 });
  }
  return { entries, intact: table.remaining === 0 };
}

/** The PKCS #7 data of an entry; `undefined` for kinds that firmware passes over. */
function pkcs7Of(type: number, contents: Uint8Array): Uint8Array | 'broken' | undefined {
  if (type === pkcsSignedData) return contents.length > 0 ? contents : 'broken';
  if (type !== efiGuid) return undefined;
  if (contents.length <= 16) return 'broken';
  return equalBytes(contents.subarray(0, 16), pkcs7Guid) ? contents.subarray(16) : undefined;
}
