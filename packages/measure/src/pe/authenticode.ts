import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher, type HashName, hash } from '../hash.ts';
import { type PeImage, peDirectories } from './image.ts';

/** A part of the file that the Authenticode digest covers. */
export interface AuthenticodeRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * The file ranges that the Authenticode digest covers, in the order in which they are hashed: "Windows
 * Authenticode Portable Executable Signature Format" (2008), "Calculating the PE Image Hash", the steps of
 * which are numbered below; edk2 DxeTpm2MeasureBootLib `MeasurePeImageAndExtend` does the same.
 *
 * `fileSize` is the size of the image that is measured; by default the size of the file that was read.
 * Throws `malformed` when the ranges don't lie in the file.
 */
export function authenticodeRanges(pe: PeImage, fileSize = pe.fileSize): AuthenticodeRange[] {
  const ranges: AuthenticodeRange[] = [];
  const add = (from: number, to: number, what: string): void => {
    if (to < from || to > fileSize) {
      throw new MeasureError(
        'malformed',
        `Authenticode digest: ${what} (0x${from.toString(16)} to 0x${to.toString(16)}) doesn't lie in the file (0x${fileSize.toString(16)})`,
        { offset: from },
      );
    }
    if (to > from) ranges.push({ offset: from, length: to - from });
  };

  // 3 to 7: the headers without CheckSum and without the certificate table's directory entry.
  const afterCheckSum = pe.checkSumOffset + 4;
  add(0, pe.checkSumOffset, 'the header before CheckSum');
  if (pe.certificateEntryOffset === undefined) {
    add(afterCheckSum, pe.sizeOfHeaders, 'the header after CheckSum');
  } else {
    add(afterCheckSum, pe.certificateEntryOffset, 'the header after CheckSum');
    add(pe.certificateEntryOffset + 8, pe.sizeOfHeaders, 'the header after the certificate table entry');
  }

  // 8 to 13: sections that have data, ascending by PointerToRawData.
  let hashed = pe.sizeOfHeaders;
  const sections = pe.sections.filter((section) => section.rawSize > 0);
  for (const section of sections.toSorted((a, b) => a.rawOffset - b.rawOffset)) {
    add(section.rawOffset, section.rawOffset + section.rawSize, `section "${section.name}"`);
    hashed += section.rawSize;
    // Rows of a hostile table may all cover the same bytes; each would be hashed again.
    if (hashed > fileSize) {
      throw new MeasureError(
        'malformed',
        `Authenticode digest: section "${section.name}" overlaps another one`,
        {
          offset: section.headerOffset,
        },
      );
    }
  }

  // 14: what stands behind, without the certificate table. The start is the sum of bytes hashed, as the
  // specification and edk2 have it, even where gaps between sections make that another place than their end.
  if (fileSize > hashed) {
    const certificates = pe.dataDirectories[peDirectories.certificateTable]?.size ?? 0;
    if (certificates > fileSize - hashed) {
      throw new MeasureError(
        'malformed',
        'Authenticode digest: the certificate table is larger than what follows the sections',
        {
          offset: pe.certificateEntryOffset ?? 0,
        },
      );
    }
    add(hashed, fileSize - certificates, 'the data after the sections');
  }
  return ranges;
}

/**
 * Authenticode digest of a PE file, as firmware measures it for EV_EFI_BOOT_SERVICES_APPLICATION.
 * Signing tools pad an unsigned file to eight bytes first: the digest of the signed file may therefore differ.
 * Throws `malformed` when the section table points outside the file.
 */
export function authenticodeDigest(
  bytes: Uint8Array,
  pe: PeImage,
  algorithm: HashName,
  hasher: Hasher = defaultHasher,
): Uint8Array {
  const covered = authenticodeRanges(pe, bytes.length);
  return hash(
    hasher,
    algorithm,
    ...covered.map(({ offset, length }) => bytes.subarray(offset, offset + length)),
  );
}
