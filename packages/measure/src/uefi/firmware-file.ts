import { formatGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import type { FirmwareVolume } from './firmware-volume.ts';

/** A file of a firmware volume (EFI_FFS_FILE_HEADER; UEFI PI 1.8, volume 3, 3.2.3). */
export interface FirmwareFile {
  readonly name: string;
  /** EFI_FV_FILETYPE. */
  readonly type: number;
  /** Where the file's header stands in the volume. */
  readonly offset: number;
  /** Where its contents begin in the volume. */
  readonly contentsOffset: number;
  readonly contents: Uint8Array;
}

/** File types (UEFI PI 1.8, volume 3, 2.1.4). */
export const firmwareFileTypes = {
  freeform: 0x02,
  peiCore: 0x04,
  dxeCore: 0x05,
  peim: 0x06,
  firmwareVolumeImage: 0x0b,
  pad: 0xf0,
} as const;

const HEADER_BYTES = 24;
/** FFS_ATTRIB_LARGE_FILE: a size of 64 bits follows the header. */
const LARGE_FILE = 0x01;
const FILE_ALIGNMENT = 8;

/**
 * The files of a volume, pad files left out. Free space ends them: 24 bytes of ones. (A pad file's name has only ones
 * too, but its header goes on.) Throws `truncated` or `malformed` for a file that does not fit.
 */
export function readFirmwareFiles(volume: FirmwareVolume): FirmwareFile[] {
  const { bytes } = volume;
  const files: FirmwareFile[] = [];
  for (let offset = volume.filesOffset; offset + HEADER_BYTES <= bytes.length; ) {
    const header = bytes.subarray(offset, offset + HEADER_BYTES);
    if (header.every((byte) => byte === 0xff)) break;
    const { file, size } = readFile(volume, offset);
    if (file.type !== firmwareFileTypes.pad) files.push(file);
    offset = Math.ceil((offset + size) / FILE_ALIGNMENT) * FILE_ALIGNMENT;
  }
  return files;
}

function readFile(volume: FirmwareVolume, offset: number): { file: FirmwareFile; size: number } {
  const reader = new Reader(volume.bytes.subarray(offset), 'EFI_FFS_FILE_HEADER', volume.offset + offset);
  const name = formatGuid(reader.bytes(16, 'Name'));
  reader.skip(2, 'IntegrityCheck');
  const type = reader.u8('Type');
  const attributes = reader.u8('Attributes');
  const sizeAt = reader.offset;
  const size24 = reader.u8('Size') | (reader.u16('Size') << 8);
  reader.skip(1, 'State');
  const large = (attributes & LARGE_FILE) !== 0;
  const size = large ? reader.length64('ExtendedSize') : size24;
  const headerBytes = HEADER_BYTES + (large ? 8 : 0);
  if (size < headerBytes) {
    throw reader.error('malformed', 'Size', `${size} is smaller than the header`, sizeAt);
  }
  const contents = reader.bytes(size - headerBytes, 'contents');
  return { file: { name, type, offset, contentsOffset: offset + headerBytes, contents }, size };
}
