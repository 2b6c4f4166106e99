import { readPe } from '@altee/measure';

/** Name and contents of a section that is added to a stub. */
export type Section = readonly [name: string, contents: Uint8Array | string];

const SECTION_HEADER_BYTES = 40;
/** Readable, initialised data (PE format, "Section Flags"). */
const READ_ONLY_DATA = 0x4000_0040;

/**
 * A stub with sections added behind its own, in the given order: as `objcopy --add-section` makes it, but names may
 * come twice, contents may be empty or of any length, and `size` of a section is exactly that of its contents.
 */
export function makeUki(stub: Uint8Array, sections: readonly Section[]): Uint8Array {
  const pe = readPe(stub);
  const alignFile = (value: number) => alignUp(value, pe.fileAlignment);
  const alignMemory = (value: number) => alignUp(value, pe.sectionAlignment);
  const headerBytes = alignFile(pe.headersEnd + sections.length * SECTION_HEADER_BYTES);
  const firstRaw = Math.min(...pe.sections.filter((s) => s.rawSize > 0).map((s) => s.rawOffset));
  // More headers than fit before the first section's data push all data back.
  const shift = Math.max(0, headerBytes - firstRaw);

  const added = sections.map(([name, contents]) => ({
    name,
    bytes: typeof contents === 'string' ? new TextEncoder().encode(contents) : contents,
  }));
  const end = Math.max(...pe.sections.map((s) => s.rawOffset + s.rawSize));
  const rawStart = alignFile(end + shift);
  const image = new Uint8Array(rawStart + added.reduce((sum, { bytes }) => sum + alignFile(bytes.length), 0));
  image.set(stub.subarray(0, pe.headersEnd));
  image.set(stub.subarray(firstRaw, end), firstRaw + shift);
  const view = new DataView(image.buffer);
  for (const { headerOffset, rawOffset, rawSize } of pe.sections) {
    if (rawSize > 0) view.setUint32(headerOffset + 20, rawOffset + shift, true);
  }

  let raw = rawStart;
  let address = alignMemory(Math.max(...pe.sections.map((s) => s.virtualAddress + s.virtualSize)));
  for (const [index, { name, bytes }] of added.entries()) {
    const header = pe.headersEnd + index * SECTION_HEADER_BYTES;
    image.set(new TextEncoder().encode(name), header);
    view.setUint32(header + 8, bytes.length, true);
    view.setUint32(header + 12, address, true);
    view.setUint32(header + 16, alignFile(bytes.length), true);
    view.setUint32(header + 20, bytes.length === 0 ? 0 : raw, true);
    view.setUint32(header + 36, READ_ONLY_DATA, true);
    image.set(bytes, raw);
    raw += alignFile(bytes.length);
    address = alignMemory(address + Math.max(bytes.length, 1));
  }

  const optional = pe.peOffset + 24;
  view.setUint16(pe.peOffset + 6, pe.sections.length + added.length, true);
  view.setUint32(optional + 56, address, true); // SizeOfImage
  view.setUint32(optional + 60, Math.max(pe.sizeOfHeaders, headerBytes), true); // SizeOfHeaders
  view.setUint32(pe.checkSumOffset, 0, true);
  if (headerBytes > Math.min(...pe.sections.map((s) => s.virtualAddress))) {
    throw new Error(`The stub has no room for ${sections.length} more section headers`);
  }
  return image;
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
