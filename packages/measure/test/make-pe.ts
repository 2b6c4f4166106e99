import { ascii } from '../src/bytes/text.ts';

/** A section to be put into a made-up PE file. */
export interface MadeSection {
  readonly name: string;
  readonly data: Uint8Array;
  readonly virtualSize?: number;
  readonly characteristics?: number;
}

/** What else the file holds: `at` → bytes, written over the finished headers. */
export interface MadePeOptions {
  readonly peOffset?: number;
  readonly sizeOfHeaders?: number;
  readonly imageBase?: bigint;
  readonly overlay?: Readonly<Record<number, Uint8Array>>;
}

const up = (value: number, to: number): number => Math.ceil(value / to) * to;

/**
 * A well-formed x86-64 EFI application with an executable ".text" and the given sections, laid out as linkers do
 * it: what the tests of this package take apart and break.
 */
export function makePe(sections: readonly MadeSection[], options: MadePeOptions = {}): Uint8Array {
  const { peOffset = 0x40, sizeOfHeaders = 0x800, imageBase = 0x1_4000_0000n, overlay = {} } = options;
  const text: MadeSection = { name: '.text', data: ascii('code'), characteristics: 0x6000_0020 };
  const all = [text, ...sections];
  const rows: { section: MadeSection; address: number; offset: number }[] = [];
  let address = 0x1000;
  let offset = sizeOfHeaders;
  for (const section of all) {
    rows.push({ section, address, offset });
    address = up(address + Math.max(1, section.virtualSize ?? section.data.length), 0x1000);
    offset += up(section.data.length, 0x200);
  }

  const bytes = new Uint8Array(offset);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii('MZ'));
  view.setUint32(0x3c, peOffset, true);
  bytes.set(ascii('PE\0\0'), peOffset);
  const coff = peOffset + 4;
  view.setUint16(coff, 0x8664, true);
  view.setUint16(coff + 2, all.length, true);
  view.setUint16(coff + 16, 0xf0, true);
  const optional = coff + 20;
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 16, 0x1000, true); // AddressOfEntryPoint
  view.setBigUint64(optional + 24, imageBase, true);
  view.setUint32(optional + 32, 0x1000, true);
  view.setUint32(optional + 36, 0x200, true);
  view.setUint32(optional + 56, address, true); // SizeOfImage
  view.setUint32(optional + 60, sizeOfHeaders, true);
  view.setUint16(optional + 68, 10, true);
  view.setUint32(optional + 108, 16, true);
  rows.forEach(({ section, address: rva, offset: raw }, index) => {
    const row = optional + 0xf0 + 40 * index;
    bytes.set(ascii(section.name), row);
    view.setUint32(row + 8, section.virtualSize ?? section.data.length, true);
    view.setUint32(row + 12, rva, true);
    view.setUint32(row + 16, up(section.data.length, 0x200), true);
    view.setUint32(row + 20, section.data.length === 0 ? 0 : raw, true);
    view.setUint32(row + 36, section.characteristics ?? 0x4000_0040, true);
    bytes.set(section.data, raw);
  });
  for (const [at, part] of Object.entries(overlay)) bytes.set(part, Number(at));
  return bytes;
}

/** Something that has an x86 setup header and PE headers, as a kernel with an EFI stub does. */
export function makeKernel(version = '6.12.107 (made@test) #1'): Uint8Array {
  return makePe([], {
    peOffset: 0x280,
    sizeOfHeaders: 0x600,
    imageBase: 0n,
    overlay: { 514: ascii('HdrS'), 526: Uint8Array.of(0x60, 0x03), 1376: ascii(`${version}\0`) },
  });
}

/** A unified kernel image: a stub of that version and the sections, by name. */
export function makeUki(stub: string, sections: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return makePe([
    { name: '.sdmagic', data: ascii(`#### LoaderInfo: systemd-stub ${stub} ####\0`) },
    ...Object.entries(sections).map(([name, data]) => ({ name, data })),
  ]);
}
