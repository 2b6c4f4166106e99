import { equalBytes } from '../bytes/compare.ts';
import { parseGuid } from '../bytes/guid.ts';
import { hexNumber } from '../bytes/hex.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** What a section is for (TDX Virtual Firmware Design Guide 1.01, table 11.2). */
const tdvfSectionTypes = ['BFV', 'CFV', 'TD_HOB', 'TempMem', 'PermMem', 'Payload', 'PayloadParam'] as const;
export type TdvfSectionType = (typeof tdvfSectionTypes)[number];

/** A part of a TD's memory that the VMM sets up before anything runs. Addresses and sizes in bytes. */
export interface TdvfSection {
  readonly type: TdvfSectionType;
  /** Where its contents stand in the firmware file; the rest of its memory is zero. */
  readonly dataOffset: number;
  readonly rawSize: number;
  readonly gpa: number;
  readonly memorySize: number;
  /** MR.EXTEND: the contents go into MRTD, and not the address alone. */
  readonly extended: boolean;
  /** PAGE.AUG: the pages are given later, and MRTD knows nothing of them. */
  readonly augmented: boolean;
}

/** What a firmware file says of itself to a VMM that starts it in a TD. */
export interface Tdvf {
  /** In the order of the file, which is the order of MRTD. */
  readonly sections: readonly TdvfSection[];
}

/** OVMF_TABLE_FOOTER_GUID; the table ends 32 bytes before the file does (edk2 OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm). */
const footerGuid = parseGuid('96b582de-1fb2-45f7-baea-a366c55a082d');
/** OVMF_TDX_METADATA_GUID: its entry holds the metadata's distance from the end of the file. */
const metadataGuid = parseGuid('e47a6535-984a-4798-865e-4685a7bf8ec2');
const bytesAfterTable = 32;
/** u16 length and GUID, which close each entry and the table. */
const entryTail = 18;

const sectionSize = 32;
/** Firmware has six or seven; a file that claims more than this wants something else. */
const maxSections = 64;
const pageSize = 0x1000;
const fourGib = 0x1_0000_0000;

/**
 * The TDVF metadata of a firmware file (TDX Virtual Firmware Design Guide 1.01, chapter 11), found through the table of
 * GUIDs at the file's end. Throws `not-found` when the file was not made for a TD, `truncated`, `malformed` or
 * `unsupported` when what it says cannot be loaded: sections that overlap, that lie above 4 GiB or outside the file.
 */
export function parseTdvf(firmware: Uint8Array): Tdvf {
  const entry = findTableEntry(firmware, metadataGuid);
  if (!entry) {
    throw new MeasureError('not-found', 'The firmware has no TDVF metadata: it is not made for a TD');
  }
  const fromEnd = new Reader(entry.data, 'OVMF_TDX_METADATA', entry.offset).u32('offset');
  const start = firmware.length - fromEnd;
  if (start < 0) {
    throw new MeasureError(
      'malformed',
      `OVMF_TDX_METADATA.offset at ${hexNumber(entry.offset)}: ${hexNumber(fromEnd)} is more than the file has`,
      { offset: entry.offset },
    );
  }
  const reader = new Reader(firmware.subarray(start), 'TDVF_DESCRIPTOR', start);
  if (!equalBytes(reader.bytes(4, 'Signature'), ascii('TDVF')))
    throw reader.error('malformed', 'Signature', 'not "TDVF"', start);
  const length = reader.u32('Length');
  const version = reader.u32('Version');
  const count = reader.u32('NumberOfSectionEntries');
  if (version !== 1) throw reader.error('unsupported', 'Version', `${version} is not 1`, start + 8);
  if (count === 0 || count > maxSections || length !== 16 + count * sectionSize)
    throw reader.error(
      'malformed',
      'NumberOfSectionEntries',
      `${count} sections in ${length} bytes`,
      start + 12,
    );
  const sections = Array.from({ length: count }, () => readSection(reader, firmware.length));
  checkOverlap(sections);
  return { sections };
}

/** The section's contents as the file holds them. */
export function tdvfSectionData(firmware: Uint8Array, section: TdvfSection): Uint8Array {
  return firmware.subarray(section.dataOffset, section.dataOffset + section.rawSize);
}

/** The entry's data in the table of GUIDs, which is read from its end. */
function findTableEntry(
  firmware: Uint8Array,
  guid: Uint8Array,
): { data: Uint8Array; offset: number } | undefined {
  const end = firmware.length - bytesAfterTable;
  const footer = end - entryTail;
  if (footer < 0 || !equalBytes(firmware.subarray(end - 16, end), footerGuid)) return undefined;
  const size = lengthAt(firmware, footer);
  const first = end - size;
  if (size < entryTail || first < 0) {
    throw new MeasureError(
      'malformed',
      `OVMF_TABLE.length at ${hexNumber(footer)}: ${size} is no possible length`,
      {
        offset: footer,
      },
    );
  }
  for (let at = footer; at > first; ) {
    const tail = at - entryTail;
    const length = tail < first ? 0 : lengthAt(firmware, tail);
    if (length < entryTail || at - length < first) {
      throw new MeasureError(
        'malformed',
        `OVMF_TABLE entry at ${hexNumber(at)}: ${length} is no possible length`,
        {
          offset: tail,
        },
      );
    }
    if (equalBytes(firmware.subarray(at - 16, at), guid))
      return { data: firmware.subarray(at - length, tail), offset: at - length };
    at -= length;
  }
  return undefined;
}

function lengthAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

function readSection(reader: Reader, fileSize: number): TdvfSection {
  const at = reader.offset;
  const section = reader.within(sectionSize, 'section', 'TDVF_SECTION');
  const dataOffset = section.u32('DataOffset');
  const rawSize = section.u32('RawDataSize');
  const gpa = section.length64('MemoryAddress');
  const memorySize = section.length64('MemoryDataSize');
  const typeNumber = section.u32('Type');
  const attributes = section.u32('Attributes');
  const type = tdvfSectionTypes[typeNumber];
  if (type === undefined) throw section.error('unsupported', 'Type', `${typeNumber} is not known`, at + 24);
  if (attributes > 3)
    throw section.error('unsupported', 'Attributes', `${hexNumber(attributes)} is not known`, at + 28);
  if (gpa % pageSize !== 0 || memorySize % pageSize !== 0 || memorySize === 0)
    throw section.error('malformed', 'MemoryAddress', 'not whole pages', at + 8);
  if (gpa + memorySize > fourGib)
    throw section.error('malformed', 'MemoryAddress', 'the section reaches above 4 GiB', at + 8);
  if (rawSize > memorySize)
    throw section.error('malformed', 'RawDataSize', `${rawSize} bytes in ${memorySize} of memory`, at + 4);
  if (rawSize > 0 && dataOffset + rawSize > fileSize)
    throw section.error('malformed', 'DataOffset', 'the contents reach past the end of the file', at);
  return {
    type,
    dataOffset,
    rawSize,
    gpa,
    memorySize,
    extended: (attributes & 1) !== 0,
    augmented: (attributes & 2) !== 0,
  };
}

function checkOverlap(sections: readonly TdvfSection[]): void {
  let end = 0;
  for (const { gpa, memorySize, type } of sections.toSorted((a, b) => a.gpa - b.gpa)) {
    if (gpa < end) {
      throw new MeasureError('malformed', `TDVF section ${type} at ${hexNumber(gpa)} overlaps another one`);
    }
    end = gpa + memorySize;
  }
}
