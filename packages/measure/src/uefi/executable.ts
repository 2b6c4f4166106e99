import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { type FirmwareFile, firmwareFileTypes } from './firmware-file.ts';
import { type FirmwareSection, firmwareSectionTypes, readFirmwareSections } from './firmware-section.ts';

/** The program in a firmware file: a PE32 or TE section. */
export interface FirmwareExecutable {
  readonly bytes: Uint8Array;
  /** Where it stands in the volume. */
  readonly offset: number;
  readonly format: 'pe32' | 'te';
}

/** The file's program, or `undefined` where it has none. */
export function findExecutable(file: FirmwareFile): FirmwareExecutable | undefined {
  if (file.type === firmwareFileTypes.pad) return undefined;
  const section = readFirmwareSections(file.contents, file.contentsOffset).find(isExecutable);
  return (
    section && {
      bytes: section.contents,
      offset: file.contentsOffset + section.contentsOffset,
      format: section.type === firmwareSectionTypes.te ? 'te' : 'pe32',
    }
  );
}

function isExecutable({ type }: FirmwareSection): boolean {
  return type === firmwareSectionTypes.pe32 || type === firmwareSectionTypes.te;
}

/** Sizes and signatures of PE (Microsoft PE format) and TE headers (UEFI PI 1.8, volume 1, 15). */
const PE_HEADER_POINTER = 0x3c;
const PE_FILE_HEADER_BYTES = 24;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
const TE_SIGNATURE = 0x5a56;
const TE_HEADER_BYTES = 40;

/**
 * The address at which the program expects its first byte. A module that runs where it lies in its volume was
 * relocated to that place when the firmware was built. Throws `truncated`, `malformed` or `unsupported`.
 */
export function readLoadAddress({ bytes, offset, format }: FirmwareExecutable): number {
  return format === 'te' ? readTeAddress(bytes, offset) : readPeAddress(bytes, offset);
}

function readTeAddress(bytes: Uint8Array, offset: number): number {
  const reader = new Reader(bytes, 'EFI_TE_IMAGE_HEADER', offset);
  if (reader.u16('Signature') !== TE_SIGNATURE) {
    throw reader.error('malformed', 'Signature', 'is not "VZ"', offset);
  }
  reader.skip(4, 'Machine');
  const strippedBytes = reader.u16('StrippedSize');
  reader.skip(8, 'AddressOfEntryPoint');
  // The address is that of the headers which were stripped.
  return reader.length64('ImageBase') + strippedBytes - TE_HEADER_BYTES;
}

function readPeAddress(bytes: Uint8Array, offset: number): number {
  const dos = new Reader(bytes, 'IMAGE_DOS_HEADER', offset);
  dos.skip(PE_HEADER_POINTER, 'e_magic');
  const header = dos.u32('e_lfanew');
  if (header + PE_FILE_HEADER_BYTES > bytes.length) {
    throw new MeasureError(
      'truncated',
      `IMAGE_DOS_HEADER.e_lfanew at 0x${(offset + PE_HEADER_POINTER).toString(16)}: is past the image's end`,
    );
  }
  const reader = new Reader(bytes.subarray(header), 'IMAGE_OPTIONAL_HEADER', offset + header);
  reader.skip(PE_FILE_HEADER_BYTES, 'FileHeader');
  const magic = reader.u16('Magic');
  if (magic === PE32_PLUS) {
    reader.skip(22, 'BaseOfCode');
    return reader.length64('ImageBase');
  }
  if (magic !== PE32) throw reader.error('unsupported', 'Magic', `0x${magic.toString(16)} is not known`);
  reader.skip(26, 'BaseOfData');
  return reader.u32('ImageBase');
}
