/** What of an ELF file decides whether it can run in an image. */
export interface ElfFile {
  /** 32 or 64 bits. */
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** `e_type`. */
  readonly type: number;
  /** `e_machine`: 62 is x86-64. */
  readonly machine: number;
  /** `e_entry`; 0 is "none". Read of 64-bit files only, as all that follows. */
  readonly entry: bigint;
  /** `PT_INTERP`: the loader that a dynamic executable asks for. */
  readonly interpreter: string | undefined;
  /** There is something to load (`PT_LOAD`). */
  readonly loadable: boolean;
  /** Whether the dynamic section has a `DT_NEEDED`: another library is to be loaded. */
  readonly needsLibraries: boolean;
  /** Whether the dynamic section has a `DT_SONAME`: the file is a library. */
  readonly isLibrary: boolean;
}

/** Why bytes are no usable ELF file; the message continues a sentence about the file. */
export class ElfError extends Error {}

// System V ABI, chapter 4 "ELF Identification" and chapter 5 "Program Header", "Dynamic Section".
const EI_CLASS = 4;
const EI_DATA = 5;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_SONAME = 14n;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;

/** Nothing has thousands of program headers; each is looked at. */
const MAX_PROGRAM_HEADERS = 1024;
/** Linux `PATH_MAX`. */
const MAX_INTERPRETER = 4096;

interface Segment {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Whether the file begins like ELF. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads the headers of an ELF file, 64-bit ones in full. Throws `ElfError` for what is cut short or out of bounds:
 * every segment has to lie in the file.
 */
export function readElf(bytes: Uint8Array): ElfFile {
  if (!isElf(bytes)) throw new ElfError('it does not begin with the ELF signature');
  const view = viewOf(bytes);
  const bits = bytes[EI_CLASS] === 2 ? 64 : 32;
  const littleEndian = bytes[EI_DATA] !== 2;
  const headerBytes = bits === 64 ? 64 : 52;
  if (bytes.length < headerBytes) {
    throw new ElfError(`its header needs ${headerBytes} bytes, the file has ${bytes.length}`);
  }
  const type = view.getUint16(16, littleEndian);
  const machine = view.getUint16(18, littleEndian);
  const segments = bits === 64 ? readSegments(bytes, littleEndian) : [];
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  const tags = dynamic ? dynamicTags(dynamic.bytes, littleEndian) : [];
  return {
    bits,
    littleEndian,
    type,
    machine,
    entry: bits === 64 ? view.getBigUint64(24, littleEndian) : 0n,
    interpreter: interpreterOf(segments),
    loadable: segments.some((segment) => segment.type === PT_LOAD),
    needsLibraries: tags.includes(DT_NEEDED),
    isLibrary: tags.includes(DT_SONAME),
  };
}

function readSegments(bytes: Uint8Array, littleEndian: boolean): Segment[] {
  const view = viewOf(bytes);
  const table = view.getBigUint64(32, littleEndian);
  const size = view.getUint16(54, littleEndian);
  const count = view.getUint16(56, littleEndian);
  if (count > MAX_PROGRAM_HEADERS) throw new ElfError(`it has ${count} program headers`);
  if (count > 0 && size !== PROGRAM_HEADER_BYTES) {
    throw new ElfError(`its program headers have ${size} bytes each, not ${PROGRAM_HEADER_BYTES}`);
  }
  const headers = viewOf(part(bytes, table, BigInt(size * count), 'its program headers'));
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    const offset = headers.getBigUint64(at + 8, littleEndian);
    const length = headers.getBigUint64(at + 32, littleEndian);
    return {
      type: headers.getUint32(at, littleEndian),
      bytes: part(bytes, offset, length, `segment ${index}`),
    };
  });
}

function interpreterOf(segments: readonly Segment[]): string | undefined {
  const segment = segments.find(({ type }) => type === PT_INTERP);
  if (!segment) return undefined;
  const name = segment.bytes.subarray(0, MAX_INTERPRETER);
  const end = name.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? name : name.subarray(0, end));
}

/** The tags of a dynamic section up to its end. */
function dynamicTags(bytes: Uint8Array, littleEndian: boolean): bigint[] {
  const view = viewOf(bytes);
  const tags: bigint[] = [];
  for (let at = 0; at + DYNAMIC_ENTRY_BYTES <= bytes.length; at += DYNAMIC_ENTRY_BYTES) {
    const tag = view.getBigUint64(at, littleEndian);
    if (tag === DT_NULL) break;
    if (tag === DT_NEEDED || tag === DT_SONAME) tags.push(tag);
  }
  return tags;
}

function part(bytes: Uint8Array, offset: bigint, length: bigint, what: string): Uint8Array {
  // An empty segment may lie anywhere: linkers give those without content an offset all the same.
  if (length === 0n) return new Uint8Array(0);
  const end = offset + length;
  if (end > BigInt(bytes.length)) {
    throw new ElfError(
      `${what} ends at 0x${end.toString(16)}, past the end of the file (0x${bytes.length.toString(16)})`,
    );
  }
  return bytes.subarray(Number(offset), Number(end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
