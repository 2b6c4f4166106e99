import { readCertificateTable } from '../../pe/certificate-table.ts';
import { type PeImage, type PeSection, peDirectories, readPe } from '../../pe/image.ts';
import type { Field, Format, Part, Stamp } from '../parts.ts';
import { timeText } from '../parts.ts';
import { type FieldTable, readFieldTable, tableBytes } from './field-table.ts';

/** PE format, "COFF File Header", with the signature before it. */
const coffTable: FieldTable = [
  ['Signature', 4],
  ['Machine', 2],
  ['NumberOfSections', 2],
  ['TimeDateStamp', 4],
  ['PointerToSymbolTable', 4],
  ['NumberOfSymbols', 4],
  ['SizeOfOptionalHeader', 2],
  ['Characteristics', 2],
];

/** PE format, "Optional Header Standard Fields" and "Optional Header Windows-Specific Fields". */
function optionalTable(isWide: boolean): FieldTable {
  const word = isWide ? 8 : 4;
  return [
    ['Magic', 2],
    ['MajorLinkerVersion', 1],
    ['MinorLinkerVersion', 1],
    ['SizeOfCode', 4],
    ['SizeOfInitializedData', 4],
    ['SizeOfUninitializedData', 4],
    ['AddressOfEntryPoint', 4],
    ['BaseOfCode', 4],
    ...(isWide ? [] : ([['BaseOfData', 4]] as const)),
    ['ImageBase', word],
    ['SectionAlignment', 4],
    ['FileAlignment', 4],
    ['MajorOperatingSystemVersion', 2],
    ['MinorOperatingSystemVersion', 2],
    ['MajorImageVersion', 2],
    ['MinorImageVersion', 2],
    ['MajorSubsystemVersion', 2],
    ['MinorSubsystemVersion', 2],
    ['Win32VersionValue', 4],
    ['SizeOfImage', 4],
    ['SizeOfHeaders', 4],
    ['CheckSum', 4],
    ['Subsystem', 2],
    ['DllCharacteristics', 2],
    ['SizeOfStackReserve', word],
    ['SizeOfStackCommit', word],
    ['SizeOfHeapReserve', word],
    ['SizeOfHeapCommit', word],
    ['LoaderFlags', 4],
    ['NumberOfRvaAndSizes', 4],
  ];
}

/** PE format, "Optional Header Data Directories". */
const directoryNames = [
  'Export Table',
  'Import Table',
  'Resource Table',
  'Exception Table',
  'Certificate Table',
  'Base Relocation Table',
  'Debug',
  'Architecture',
  'Global Ptr',
  'TLS Table',
  'Load Config Table',
  'Bound Import',
  'IAT',
  'Delay Import Descriptor',
  'CLR Runtime Header',
  'Reserved',
] as const;

/** A PE32 or PE32+ image: headers as fields, a part for each section, and the certificate table. */
export const peFormat: Format = {
  name: 'PE image',
  recognises: (bytes) => isPe(bytes),
  split: (bytes) => {
    const pe = readPe(bytes);
    return {
      format: 'PE image',
      ...peHeaders(bytes, pe),
      parts: [
        { name: 'DOS header', bytes: bytes.subarray(0, pe.peOffset), offset: 0 },
        ...pe.sections.map((section) => sectionPart(bytes, section)),
        ...certificateParts(bytes, pe),
      ],
      rest: 'padding between the sections',
    };
  },
};

export function isPe(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x4d || bytes[1] !== 0x5a || bytes.length < 0x40) return false;
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0x3c, true);
  return bytes[at] === 0x50 && bytes[at + 1] === 0x45 && bytes[at + 2] === 0 && bytes[at + 3] === 0;
}

/** The headers from the signature to the end of the section table. */
export function peHeaders(
  bytes: Uint8Array,
  pe: PeImage,
): { readonly fields: Field[]; readonly told: (readonly [number, number])[]; readonly stamps: Stamp[] } {
  const { peOffset, timeDateStamp, timeDateStampOffset } = pe;
  const table = optionalTable(pe.format === 'PE32+');
  const optional = peOffset + tableBytes(coffTable);
  const directories = optional + tableBytes(table);
  const fields = [
    ...readFieldTable(bytes, peOffset, 'IMAGE_FILE_HEADER', coffTable),
    ...readFieldTable(bytes, optional, 'IMAGE_OPTIONAL_HEADER', table),
    ...pe.dataDirectories.map(({ address, size }, index) => ({
      name: directoryNames[index] ?? `directory ${index}`,
      value: `0x${size.toString(16)} bytes at 0x${address.toString(16)}`,
    })),
  ];
  return {
    fields: fields.map((field) =>
      field.name === 'TimeDateStamp'
        ? { ...field, value: `${field.value} (${timeText(timeDateStamp)})` }
        : field,
    ),
    told: [[peOffset, directories + 8 * pe.dataDirectories.length - peOffset]],
    stamps: [{ name: 'TimeDateStamp', seconds: timeDateStamp, offset: timeDateStampOffset }],
  };
}

const SECTION_HEADER_BYTES = 40;

function sectionPart(bytes: Uint8Array, section: PeSection): Part {
  const { name, rawOffset, rawSize, virtualSize, virtualAddress, characteristics, headerOffset } = section;
  const size = virtualSize === 0 ? rawSize : Math.min(rawSize, virtualSize);
  const start = Math.min(rawOffset, bytes.length);
  return {
    name,
    fields: [
      { name: 'VirtualSize', value: `0x${virtualSize.toString(16)}` },
      { name: 'Characteristics', value: `0x${characteristics.toString(16)}` },
      ...readFieldTable(bytes, headerOffset + 24, 'IMAGE_SECTION_HEADER', [
        ['PointerToRelocations', 4],
        ['PointerToLinenumbers', 4],
        ['NumberOfRelocations', 2],
        ['NumberOfLinenumbers', 2],
      ]),
    ],
    place: `0x${rawSize.toString(16)} bytes at 0x${rawOffset.toString(16)}, loaded at 0x${virtualAddress.toString(16)}`,
    told: [[headerOffset, SECTION_HEADER_BYTES]],
    bytes: bytes.subarray(start, start + size),
    offset: start,
    locate: (offset) => `0x${(virtualAddress + offset).toString(16)} in memory`,
  };
}

function certificateParts(bytes: Uint8Array, pe: PeImage): Part[] {
  const directory = pe.dataDirectories[peDirectories.certificateTable];
  if (!directory || directory.size === 0) return [];
  readCertificateTable(bytes, pe);
  const { address, size } = directory;
  return [{ name: 'certificate table', bytes: bytes.subarray(address, address + size), offset: address }];
}
