import { equalBytes } from '../bytes/compare.ts';
import { formatGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** EFI_FIRMWARE_VOLUME_HEADER, and what stands in the volume (UEFI PI 1.8, volume 3, 3.2.1). */
export interface FirmwareVolume {
  /** The volume with its header. */
  readonly bytes: Uint8Array;
  /** Where it begins in the bytes that it was read from. */
  readonly offset: number;
  /** GUID of the file system in it. */
  readonly fileSystem: string;
  /** EFI_FIRMWARE_VOLUME_EXT_HEADER.FvName, where there is one. */
  readonly name: string | undefined;
  /** Where the first file's header stands, in `bytes`. */
  readonly filesOffset: number;
}

const SIGNATURE = ascii('_FVH');
const SIGNATURE_OFFSET = 40;
/** ZeroVector, FileSystemGuid, FvLength, Signature, Attributes, HeaderLength, Checksum, ExtHeaderOffset, Reserved, Revision. */
const FIXED_HEADER_BYTES = 56;
const REVISION = 2;
/** Files begin at multiples of this from the volume's start. */
const FILE_ALIGNMENT = 8;
/** Volumes begin on flash blocks, the smallest of which has 4 KiB. */
const BLOCK_BYTES = 4096;

/**
 * Reads the volume that begins at `offset`. Throws `not-found` where no volume begins, `truncated` where it is longer
 * than the input, `malformed` where its header's checksum is wrong, and `unsupported` for another revision.
 */
export function readFirmwareVolume(input: Uint8Array, offset = 0): FirmwareVolume {
  if (!isFirmwareVolume(input, offset)) {
    throw new MeasureError('not-found', `No firmware volume begins at 0x${offset.toString(16)}`, { offset });
  }
  const reader = new Reader(input.subarray(offset), 'EFI_FIRMWARE_VOLUME_HEADER', offset);
  reader.skip(16, 'ZeroVector');
  const fileSystem = formatGuid(reader.bytes(16, 'FileSystemGuid'));
  const length = reader.length64('FvLength');
  reader.skip(8, 'Signature');
  const headerLength = reader.u16('HeaderLength');
  reader.skip(2, 'Checksum');
  const extHeaderOffset = reader.u16('ExtHeaderOffset');
  reader.skip(1, 'Reserved');
  const revision = reader.u8('Revision');
  if (revision !== REVISION) throw reader.error('unsupported', 'Revision', `${revision} is not ${REVISION}`);
  if (headerLength < FIXED_HEADER_BYTES || headerLength > length || headerLength % 2 !== 0) {
    throw reader.error('malformed', 'HeaderLength', `${headerLength} is no length of a header`);
  }
  const bytes = new Reader(input.subarray(offset), 'EFI_FIRMWARE_VOLUME_HEADER', offset).bytes(
    length,
    'FvLength',
  );
  if (sum16(bytes.subarray(0, headerLength)) !== 0) {
    throw reader.error('malformed', 'Checksum', 'the header does not sum up to zero');
  }
  const extension = extHeaderOffset === 0 ? undefined : readExtension(bytes, extHeaderOffset, offset);
  const filesOffset = extension?.end ?? headerLength;
  return {
    bytes,
    offset,
    fileSystem,
    name: extension?.name,
    filesOffset: Math.ceil(filesOffset / FILE_ALIGNMENT) * FILE_ALIGNMENT,
  };
}

/** The volumes of a flash image, in order: one after the other, with gaps in whole blocks. */
export function readFirmwareVolumes(image: Uint8Array): FirmwareVolume[] {
  const volumes: FirmwareVolume[] = [];
  for (let offset = 0; offset + FIXED_HEADER_BYTES <= image.length; ) {
    if (!isFirmwareVolume(image, offset)) {
      offset += BLOCK_BYTES;
      continue;
    }
    const volume = readFirmwareVolume(image, offset);
    volumes.push(volume);
    offset += Math.ceil(volume.bytes.length / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return volumes;
}

function isFirmwareVolume(input: Uint8Array, offset: number): boolean {
  const at = offset + SIGNATURE_OFFSET;
  return equalBytes(input.subarray(at, at + SIGNATURE.length), SIGNATURE);
}

/** EFI_FIRMWARE_VOLUME_EXT_HEADER: the volume's name, and its own size with all entries. */
function readExtension(bytes: Uint8Array, at: number, offset: number): { name: string; end: number } {
  const reader = new Reader(bytes.subarray(at), 'EFI_FIRMWARE_VOLUME_EXT_HEADER', offset + at);
  const name = formatGuid(reader.bytes(16, 'FvName'));
  const size = reader.u32('ExtHeaderSize');
  if (at + size > bytes.length) {
    throw reader.error('truncated', 'ExtHeaderSize', `${size} bytes reach past the volume's end`);
  }
  return { name, end: at + size };
}

function sum16(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8);
  return sum & 0xffff;
}
