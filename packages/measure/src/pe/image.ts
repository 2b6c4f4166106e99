import { Reader } from '../bytes/reader.ts';
import { showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** One row of the section table (PE format, "Section Table"). Addresses are relative to the image base. */
export interface PeSection {
  /** Up to eight characters, without padding; bytes outside ASCII as `\xNN`. */
  readonly name: string;
  readonly virtualAddress: number;
  readonly virtualSize: number;
  readonly rawOffset: number;
  readonly rawSize: number;
  readonly characteristics: number;
  /** Offset of this row in the file. */
  readonly headerOffset: number;
}

/** A row of the optional header's data directories. */
export interface PeDataDirectory {
  readonly address: number;
  readonly size: number;
}

/** The headers of a PE32 or PE32+ file. Everything stands as the file has it; nothing is judged here. */
export interface PeImage {
  readonly format: 'PE32' | 'PE32+';
  readonly fileSize: number;
  /** Offset of the `PE\0\0` signature (e_lfanew). */
  readonly peOffset: number;
  readonly machine: number;
  readonly timeDateStamp: number;
  readonly timeDateStampOffset: number;
  readonly symbolTableOffset: number;
  readonly symbolCount: number;
  readonly majorLinkerVersion: number;
  readonly minorLinkerVersion: number;
  readonly entryPoint: number;
  readonly imageBase: bigint;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly sizeOfImage: number;
  readonly sizeOfHeaders: number;
  readonly checkSum: number;
  readonly checkSumOffset: number;
  readonly subsystem: number;
  readonly dllCharacteristics: number;
  readonly dataDirectories: readonly PeDataDirectory[];
  /** Offset of the certificate table's directory entry; absent when there are fewer than five entries. */
  readonly certificateEntryOffset: number | undefined;
  /** End of the section table. */
  readonly headersEnd: number;
  readonly sections: readonly PeSection[];
}

/** Indexes into `dataDirectories` (PE format, "Optional Header Data Directories"). */
export const peDirectories = { certificateTable: 4, baseRelocationTable: 5, debug: 6 } as const;

const formats: Readonly<Record<number, PeImage['format']>> = { 267: 'PE32', 523: 'PE32+' };

/**
 * Reads the headers of a PE file (PE format, "File Headers" to "Section Table").
 * Throws `truncated`, `malformed` or `unsupported`; whether firmware would load the image is `checkPe`'s question.
 */
export function readPe(bytes: Uint8Array): PeImage {
  const dos = new Reader(bytes, 'IMAGE_DOS_HEADER');
  if (dos.u16('e_magic') !== 0x5a4d)
    throw new MeasureError('malformed', 'IMAGE_DOS_HEADER.e_magic at 0x0: not "MZ"', { offset: 0 });
  dos.skip(0x3a, 'e_cblp to e_res2');
  const peOffset = dos.u32('e_lfanew');
  if (peOffset > bytes.length) {
    throw dos.error(
      'truncated',
      'e_lfanew',
      `points to ${peOffset}, past the end of the file (${bytes.length})`,
      0x3c,
    );
  }

  const coff = new Reader(bytes.subarray(peOffset), 'IMAGE_FILE_HEADER', peOffset);
  if (coff.u32('Signature') !== 0x00004550)
    throw coff.error('malformed', 'Signature', 'not "PE\\0\\0"', peOffset);
  const machine = coff.u16('Machine');
  const sectionCount = coff.u16('NumberOfSections');
  const timeDateStampOffset = coff.offset;
  const timeDateStamp = coff.u32('TimeDateStamp');
  const symbolTableOffset = coff.u32('PointerToSymbolTable');
  const symbolCount = coff.u32('NumberOfSymbols');
  const optionalSize = coff.u16('SizeOfOptionalHeader');
  coff.u16('Characteristics');

  const optional = coff.within(optionalSize, 'SizeOfOptionalHeader', 'IMAGE_OPTIONAL_HEADER');
  const magicOffset = optional.offset;
  const magic = optional.u16('Magic');
  const format = formats[magic];
  if (format === undefined) {
    throw optional.error(
      'unsupported',
      'Magic',
      `0x${magic.toString(16)} is neither PE32 nor PE32+`,
      magicOffset,
    );
  }
  const wide = format === 'PE32+';
  const majorLinkerVersion = optional.u8('MajorLinkerVersion');
  const minorLinkerVersion = optional.u8('MinorLinkerVersion');
  optional.skip(12, 'SizeOfCode to SizeOfUninitializedData');
  const entryPoint = optional.u32('AddressOfEntryPoint');
  optional.skip(wide ? 4 : 8, 'BaseOfCode');
  const imageBase = wide ? optional.u64('ImageBase') : BigInt(optional.u32('ImageBase'));
  const sectionAlignment = optional.u32('SectionAlignment');
  const fileAlignment = optional.u32('FileAlignment');
  optional.skip(16, 'MajorOperatingSystemVersion to Win32VersionValue');
  const sizeOfImage = optional.u32('SizeOfImage');
  const sizeOfHeaders = optional.u32('SizeOfHeaders');
  const checkSumOffset = optional.offset;
  const checkSum = optional.u32('CheckSum');
  const subsystem = optional.u16('Subsystem');
  const dllCharacteristics = optional.u16('DllCharacteristics');
  optional.skip(wide ? 32 : 16, 'SizeOfStackReserve to SizeOfHeapCommit');
  optional.u32('LoaderFlags');
  const directoryCount = optional.u32('NumberOfRvaAndSizes');
  const directoriesOffset = optional.offset;
  if (directoryCount > optional.remaining / 8) {
    throw optional.error(
      'malformed',
      'NumberOfRvaAndSizes',
      `${directoryCount} entries do not fit into the optional header`,
    );
  }
  const dataDirectories: PeDataDirectory[] = [];
  for (let i = 0; i < directoryCount; i++) {
    dataDirectories.push({ address: optional.u32('VirtualAddress'), size: optional.u32('Size') });
  }

  return {
    format,
    fileSize: bytes.length,
    peOffset,
    machine,
    timeDateStamp,
    timeDateStampOffset,
    symbolTableOffset,
    symbolCount,
    majorLinkerVersion,
    minorLinkerVersion,
    entryPoint,
    imageBase,
    sectionAlignment,
    fileAlignment,
    sizeOfImage,
    sizeOfHeaders,
    checkSum,
    checkSumOffset,
    subsystem,
    dllCharacteristics,
    dataDirectories,
    certificateEntryOffset:
      directoryCount > peDirectories.certificateTable
        ? directoriesOffset + 8 * peDirectories.certificateTable
        : undefined,
    sections: readSectionTable(coff, sectionCount),
    headersEnd: coff.offset,
  };
}

function readSectionTable(coff: Reader, count: number): PeSection[] {
  const table = coff.within(count * 40, 'section table', 'IMAGE_SECTION_HEADER');
  const sections: PeSection[] = [];
  for (let i = 0; i < count; i++) {
    const headerOffset = table.offset;
    const name = showAscii(table.bytes(8, 'Name'));
    const virtualSize = table.u32('VirtualSize');
    const virtualAddress = table.u32('VirtualAddress');
    const rawSize = table.u32('SizeOfRawData');
    const rawOffset = table.u32('PointerToRawData');
    table.skip(12, 'PointerToRelocations to NumberOfLinenumbers');
    const characteristics = table.u32('Characteristics');
    sections.push({ name, virtualAddress, virtualSize, rawOffset, rawSize, characteristics, headerOffset });
  }
  return sections;
}
