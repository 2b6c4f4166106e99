import { Reader } from '../../bytes/reader.ts';
import { showAscii } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';
import type { Format, Part, Parts } from '../parts.ts';
import { type FieldTable, readFieldTable } from './field-table.ts';

/** System V ABI, chapter 4, "ELF Header", of 64-bit files. */
const headerTable: FieldTable = [
  ['e_ident', 16],
  ['e_type', 2],
  ['e_machine', 2],
  ['e_version', 4],
  ['e_entry', 8],
  ['e_phoff', 8],
  ['e_shoff', 8],
  ['e_flags', 4],
  ['e_ehsize', 2],
  ['e_phentsize', 2],
  ['e_phnum', 2],
  ['e_shentsize', 2],
  ['e_shnum', 2],
  ['e_shstrndx', 2],
];

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const SEGMENT_BYTES = 56;
const SHT_NOBITS = 8;
const SHT_SYMTAB = 2;
const PT_LOAD = 1;
const SHF_ALLOC = 2n;

/** Programs have some dozens; those built with a section for each function some ten thousand. */
const MAX_SECTIONS = 65_279;

/** A 64-bit little-endian ELF file: a part for each section, or for each segment where it has no sections. */
export const elfFormat: Format = {
  name: 'ELF file',
  recognises: (bytes) =>
    bytes.length >= HEADER_BYTES &&
    showAscii(bytes.subarray(1, 4)) === 'ELF' &&
    bytes[0] === 0x7f &&
    bytes[4] === 2 &&
    bytes[5] === 1,
  split: (bytes) => splitElf(bytes),
};

interface Section {
  readonly name: number;
  readonly type: number;
  readonly flags: bigint;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: bigint;
  readonly entryBytes: number;
  readonly headerOffset: number;
}

function splitElf(bytes: Uint8Array): Parts {
  const fields = readFieldTable(bytes, 0, 'Elf64_Ehdr', headerTable);
  const value = (name: string) => Number(fields.find((field) => field.name === name)?.value ?? 0);
  const sections = readSections(bytes, value('e_shoff'), value('e_shentsize'), value('e_shnum'));
  const segments = readSegments(bytes, value('e_phoff'), value('e_phentsize'), value('e_phnum'));
  const names = sections[value('e_shstrndx')];
  return {
    format: 'ELF file',
    fields,
    told: [[0, HEADER_BYTES]],
    parts:
      sections.length > 0
        ? [
            ...segments.map(({ bytes: _bytes, offset: _offset, ...rest }) => rest),
            ...sectionParts(bytes, sections, names),
          ]
        : segments,
    rest: 'bytes in no section',
  };
}

function readSections(bytes: Uint8Array, offset: number, entryBytes: number, count: number): Section[] {
  if (count === 0 || offset === 0) return [];
  if (entryBytes !== SECTION_BYTES || count > MAX_SECTIONS) {
    throw new MeasureError('unsupported', `Elf64_Ehdr: ${count} section headers of ${entryBytes} bytes`);
  }
  const table = new Reader(bytes.subarray(Math.min(offset, bytes.length)), 'Elf64_Shdr', offset).within(
    count * SECTION_BYTES,
    'table',
    'Elf64_Shdr',
  );
  return Array.from({ length: count }, () => ({
    headerOffset: table.offset,
    name: table.u32('sh_name'),
    type: table.u32('sh_type'),
    flags: table.u64('sh_flags'),
    address: table.u64('sh_addr'),
    offset: table.length64('sh_offset'),
    size: table.length64('sh_size'),
    link: table.u32('sh_link'),
    info: table.u32('sh_info'),
    alignment: table.u64('sh_addralign'),
    entryBytes: table.length64('sh_entsize'),
  }));
}

function sectionParts(bytes: Uint8Array, sections: readonly Section[], names: Section | undefined): Part[] {
  const strings = names ? contentOf(bytes, names) : new Uint8Array(0);
  const symbols = symbolsOf(bytes, sections);
  return sections.slice(1).map((section, index) => {
    const { type, flags, address, offset, size, link, info, alignment, entryBytes, headerOffset } = section;
    const name = showAscii(strings.subarray(section.name, section.name + 200)) || `section ${index + 1}`;
    const isLoaded = (flags & SHF_ALLOC) !== 0n;
    return {
      name,
      fields: [
        { name: 'sh_type', value: String(type) },
        { name: 'sh_flags', value: `0x${flags.toString(16)}` },
        { name: 'sh_size', value: `0x${size.toString(16)}` },
        { name: 'sh_addralign', value: String(alignment) },
        { name: 'sh_entsize', value: String(entryBytes) },
      ],
      place: `at 0x${offset.toString(16)}, loaded at 0x${address.toString(16)}, link ${link}, info ${info}, name ${section.name}`,
      told: [[headerOffset, SECTION_BYTES]],
      ...(type === SHT_NOBITS ? {} : { bytes: contentOf(bytes, section), offset }),
      locate: (at) => {
        if (!isLoaded) return undefined;
        const where = address + BigInt(at);
        return `0x${where.toString(16)}${symbols(where)}`;
      },
    };
  });
}

function contentOf(bytes: Uint8Array, { type, offset, size }: Section): Uint8Array {
  if (type === SHT_NOBITS) return new Uint8Array(0);
  if (offset + size > bytes.length) {
    throw new MeasureError(
      'truncated',
      `Elf64_Shdr: a section ends at 0x${(offset + size).toString(16)}, past the end of the file (0x${bytes.length.toString(16)})`,
    );
  }
  return bytes.subarray(offset, offset + size);
}

const SYMBOL_BYTES = 24;

/** Names the symbol that an address is in, ` <name+0x10>`, or nothing. */
function symbolsOf(bytes: Uint8Array, sections: readonly Section[]): (address: bigint) => string {
  const table = sections.find(({ type }) => type === SHT_SYMTAB);
  const strings = table && sections[table.link];
  if (!table || !strings) return () => '';
  return (address) => {
    const rows = contentOf(bytes, table);
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
    for (let at = 0; at + SYMBOL_BYTES <= rows.length; at += SYMBOL_BYTES) {
      const start = view.getBigUint64(at + 8, true);
      if (address < start || address >= start + view.getBigUint64(at + 16, true)) continue;
      const name = view.getUint32(at, true);
      const text = showAscii(contentOf(bytes, strings).subarray(name, name + 120));
      return ` <${text}+0x${(address - start).toString(16)}>`;
    }
    return '';
  };
}

/** Rows of the program header table; those that are loaded with their bytes, for files without sections. */
function readSegments(bytes: Uint8Array, offset: number, entryBytes: number, count: number): Part[] {
  if (count === 0) return [];
  if (entryBytes !== SEGMENT_BYTES) {
    throw new MeasureError('unsupported', `Elf64_Ehdr: program headers of ${entryBytes} bytes`);
  }
  const table = new Reader(bytes.subarray(Math.min(offset, bytes.length)), 'Elf64_Phdr', offset).within(
    count * SEGMENT_BYTES,
    'table',
    'Elf64_Phdr',
  );
  return Array.from({ length: count }, (_, index): Part => {
    const at = table.offset;
    const type = table.u32('p_type');
    const flags = table.u32('p_flags');
    const start = table.length64('p_offset');
    const address = table.u64('p_vaddr');
    const physical = table.u64('p_paddr');
    const size = table.length64('p_filesz');
    const memory = table.u64('p_memsz');
    const alignment = table.u64('p_align');
    return {
      name: `segment ${index}`,
      fields: [
        { name: 'p_type', value: `0x${type.toString(16)}` },
        { name: 'p_flags', value: `0x${flags.toString(16)}` },
        { name: 'p_align', value: `0x${alignment.toString(16)}` },
      ],
      place: `0x${size.toString(16)} bytes at 0x${start.toString(16)}, 0x${memory.toString(16)} loaded at 0x${address.toString(16)} (0x${physical.toString(16)})`,
      told: [[at, SEGMENT_BYTES]],
      ...(type === PT_LOAD && start + size <= bytes.length
        ? { bytes: bytes.subarray(start, start + size), offset: start }
        : {}),
      locate: (inside) => `0x${(address + BigInt(inside)).toString(16)}`,
    };
  });
}
