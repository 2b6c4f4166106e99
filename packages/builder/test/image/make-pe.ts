import { peChecksum } from '../../src/image/pe-checksum.ts';

export interface MadeSection {
  readonly name: string;
  readonly address: number;
  readonly data: Uint8Array;
  /** IMAGE_SCN_* flags; read-only data by default. */
  readonly flags?: number;
  readonly virtualSize?: number;
}

export interface MadePe {
  readonly sections: readonly MadeSection[];
  readonly timestamp?: number;
  readonly dllCharacteristics?: number;
  readonly sizeOfImage?: number;
  readonly sizeOfHeaders?: number;
  readonly checkSum?: number;
  readonly machine?: number;
}

const IMAGE_BASE = 0x14df90000n;
const CODE = 0x6000_0020;
const DATA = 0x4000_0040;

const magic = Buffer.from('#### LoaderInfo: systemd-stub 257.13-1 ####\0');
export const stubSections: readonly MadeSection[] = [
  { name: '.text', address: 0x1000, data: Buffer.alloc(0x300, 0x90), flags: CODE },
  { name: '.sdmagic', address: 0x2000, data: magic, flags: DATA },
];

/** A PE32+ EFI application of those sections, laid out as linkers do: file alignment 0x200, pages in memory. */
export function makePe(pe: MadePe): Buffer {
  const align = (value: number, to: number): number => Math.ceil(value / to) * to;
  const sizeOfHeaders = pe.sizeOfHeaders ?? align(0x80 + 24 + 240 + 40 * pe.sections.length, 0x200);
  const end = Math.max(0, ...pe.sections.map((s) => s.address + (s.virtualSize ?? s.data.length)));
  const parts: Uint8Array[] = [];
  const header = Buffer.alloc(sizeOfHeaders);
  header.write('MZ');
  header.writeUInt32LE(0x80, 0x3c);
  header.write('PE\0\0', 0x80, 'latin1');
  header.writeUInt16LE(pe.machine ?? 0x8664, 0x84);
  header.writeUInt16LE(pe.sections.length, 0x86);
  header.writeUInt32LE(pe.timestamp ?? 0, 0x88);
  header.writeUInt16LE(240, 0x94);
  const optional = 0x98;
  header.writeUInt16LE(0x20b, optional);
  header.writeUInt32LE(0x1000, optional + 16); // entry point
  header.writeBigUInt64LE(IMAGE_BASE, optional + 24);
  header.writeUInt32LE(0x1000, optional + 32); // section alignment
  header.writeUInt32LE(0x200, optional + 36); // file alignment
  header.writeUInt32LE(pe.sizeOfImage ?? align(end, 0x1000), optional + 56);
  header.writeUInt32LE(sizeOfHeaders, optional + 60);
  header.writeUInt16LE(10, optional + 68); // EFI application
  header.writeUInt16LE(pe.dllCharacteristics ?? 0x160, optional + 70);
  header.writeUInt32LE(16, optional + 108);
  let offset = sizeOfHeaders;
  pe.sections.forEach((section, i) => {
    const row = optional + 240 + 40 * i;
    const rawSize = align(section.data.length, 0x200);
    header.write(section.name, row, 'latin1');
    header.writeUInt32LE(section.virtualSize ?? section.data.length, row + 8);
    header.writeUInt32LE(section.address, row + 12);
    header.writeUInt32LE(rawSize, row + 16);
    header.writeUInt32LE(offset, row + 20);
    header.writeUInt32LE(section.flags ?? DATA, row + 36);
    parts.push(section.data, Buffer.alloc(rawSize - section.data.length));
    offset += rawSize;
  });
  const file = Buffer.concat([header, ...parts]);
  file.writeUInt32LE(pe.checkSum ?? peChecksum(file, optional + 64), optional + 64);
  return file;
}
