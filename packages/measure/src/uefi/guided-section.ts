import { formatGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { decodeLzma } from '../lzma/decode.ts';
import type { FirmwareSection } from './firmware-section.ts';

/** EFI_GUID_DEFINED_SECTION (UEFI PI 1.8, volume 3, 3.2.5.7). */
export interface GuidedSection {
  /** What has to be done with the data. */
  readonly guid: string;
  readonly data: Uint8Array;
}

/** LZMA_CUSTOM_DECOMPRESS_GUID (edk2 MdeModulePkg/Include/Guid/LzmaDecompress.h): an LZMA_ALONE stream. */
export const lzmaSectionGuid = 'ee4e5898-3914-4259-9d6e-dc7bd79403cf';

/** DataOffset counts from the common header, which is read already. */
const COMMON_HEADER_BYTES = 4;

/** Reads the section's own header. Throws `truncated` or `malformed`. */
export function readGuidedSection({ contents, contentsOffset }: FirmwareSection): GuidedSection {
  const reader = new Reader(contents, 'EFI_GUID_DEFINED_SECTION', contentsOffset);
  const guid = formatGuid(reader.bytes(16, 'SectionDefinitionGuid'));
  const at = reader.offset;
  // The common header has 4 more bytes where the size takes 32 bits.
  const commonBytes = contents.length + COMMON_HEADER_BYTES >= 0xffffff ? 8 : COMMON_HEADER_BYTES;
  const dataOffset = reader.u16('DataOffset') - commonBytes;
  if (dataOffset < 20 || dataOffset > contents.length) {
    throw reader.error(
      'malformed',
      'DataOffset',
      `${dataOffset + commonBytes} is not inside the section`,
      at,
    );
  }
  return { guid, data: contents.subarray(dataOffset) };
}

/** The section's contents as they were before compression, or `undefined` where they are not LZMA's. */
export function decompressLzmaSection(
  section: FirmwareSection,
  maxOutputBytes: number,
): Uint8Array | undefined {
  const { guid, data } = readGuidedSection(section);
  return guid === lzmaSectionGuid ? decodeLzma(data, { maxOutputBytes }) : undefined;
}
