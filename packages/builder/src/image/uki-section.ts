import type { PeImage } from '@altee/measure';
import { BuilderError } from '../error.ts';

/** A section to be added to the stub. */
export interface UkiSection {
  readonly name: string;
  /** File that holds its content. */
  readonly path: string;
  readonly size: number;
  /** `sha256:` and 64 hex digits, of the content. */
  readonly digest: string;
}

/** A section with its place in memory. */
export interface PlacedSection extends UkiSection {
  /** Relative to the image base. */
  readonly address: number;
}

/** Firmware reads the whole file into memory, and so do the checks. */
const MAX_UKI_BYTES = 2 ** 30;
const SECTION_HEADER_BYTES = 40;
/** objcopy puts a DOS program of its own before the PE header: e_lfanew becomes 0x80. */
const OBJCOPY_PE_OFFSET = 0x80;

/**
 * Addresses for the sections, one after the other behind the stub's own, each aligned as the stub's header asks.
 * objcopy would take any address, and overlapping ones, without a word. Throws `image-invalid` for a stub without
 * room for more section headers, names longer than the format has room for, empty sections and too much of it all.
 */
export function placeSections(stub: PeImage, sections: readonly UkiSection[]): PlacedSection[] {
  checkRoom(stub, sections.length);
  const taken = new Set(stub.sections.map(({ name }) => name));
  const { sectionAlignment } = stub;
  let address = Math.max(...stub.sections.map((s) => s.virtualAddress + s.virtualSize));
  return sections.map((section) => {
    checkSection(section, taken);
    taken.add(section.name);
    address = Math.ceil(address / sectionAlignment) * sectionAlignment;
    const placed = { ...section, address };
    address += section.size;
    if (address > MAX_UKI_BYTES) throw invalid(`with section "${section.name}" it has more than 1 GiB`);
    return placed;
  });
}

function checkRoom(stub: PeImage, count: number): void {
  const headersEnd =
    stub.headersEnd + Math.max(OBJCOPY_PE_OFFSET - stub.peOffset, 0) + count * SECTION_HEADER_BYTES;
  // Headers are loaded at address 0, so that the first section bounds them in memory too.
  const first = Math.min(...stub.sections.map(({ virtualAddress }) => virtualAddress));
  if (stub.sections.length === 0 || headersEnd > first) {
    throw invalid(`the stub has no room for ${count} more section headers`);
  }
}

function checkSection({ name, size, path }: UkiSection, taken: ReadonlySet<string>): void {
  if (!/^\.[a-z0-9_]{1,7}$/.test(name)) {
    throw invalid(`section name "${name}" is not a dot and at most 7 lower-case letters or digits`);
  }
  if (taken.has(name)) throw invalid(`section "${name}" would be there twice`);
  if (size === 0) throw invalid(`section "${name}" would be empty, because "${path}" is`);
}

function invalid(what: string): BuilderError {
  return new BuilderError('image-invalid', `Cannot place the sections of the EFI file: ${what}`);
}
