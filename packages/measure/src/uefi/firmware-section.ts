import { Reader } from '../bytes/reader.ts';

/** A section of a firmware file (EFI_COMMON_SECTION_HEADER; UEFI PI 1.8, volume 3, 3.2.5). */
export interface FirmwareSection {
  /** EFI_SECTION_TYPE. */
  readonly type: number;
  /** Where its contents begin in the bytes that were read. */
  readonly contentsOffset: number;
  /** What follows the common header. */
  readonly contents: Uint8Array;
}

/** Section types (UEFI PI 1.8, volume 3, 2.2.4). */
export const firmwareSectionTypes = {
  guidDefined: 0x02,
  pe32: 0x10,
  te: 0x12,
  version: 0x14,
  userInterface: 0x15,
  firmwareVolumeImage: 0x17,
} as const;

const HEADER_BYTES = 4;
/** A size of all ones: it stands in 32 bits behind the header. */
const EXTENDED = 0xffffff;
const ALIGNMENT = 4;

/** The sections of a file's or section's contents, in order. Throws `truncated` or `malformed`. */
export function readFirmwareSections(bytes: Uint8Array, base = 0): FirmwareSection[] {
  const sections: FirmwareSection[] = [];
  for (let offset = 0; offset + HEADER_BYTES <= bytes.length; ) {
    const reader = new Reader(bytes.subarray(offset), 'EFI_COMMON_SECTION_HEADER', base + offset);
    const at = reader.offset;
    const size24 = reader.u8('Size') | (reader.u16('Size') << 8);
    const type = reader.u8('Type');
    const size = size24 === EXTENDED ? reader.u32('ExtendedSize') : size24;
    const headerBytes = HEADER_BYTES + (size24 === EXTENDED ? 4 : 0);
    if (size < headerBytes) {
      throw reader.error('malformed', 'Size', `${size} is smaller than the header`, at);
    }
    const contents = reader.bytes(size - headerBytes, 'contents');
    sections.push({ type, contentsOffset: offset + headerBytes, contents });
    offset = Math.ceil((offset + size) / ALIGNMENT) * ALIGNMENT;
  }
  return sections;
}
