/** What of a tiny ELF file a test sets; the rest is a static x86-64 executable that exits with 0. */
export interface TinyElf {
  readonly class?: 1 | 2;
  readonly data?: 1 | 2;
  readonly type?: number;
  readonly machine?: number;
  readonly entry?: bigint;
  readonly interpreter?: string;
  /** Tags of the dynamic section, with value 0 each. */
  readonly dynamic?: readonly bigint[];
  readonly loadable?: boolean;
  /** x86-64 instructions. */
  readonly code?: readonly number[];
}

/** mov edi, 0; mov eax, 60; syscall: exit(0). */
const EXIT = [0xbf, 0, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
const BASE = 0x400000n;

/** Writes an ELF64 little-endian file by hand: header, program headers, then each segment's content. */
export function tinyElf(options: TinyElf = {}): Uint8Array {
  const { loadable = true, interpreter, dynamic, code = EXIT } = options;
  const contents = [
    ...(loadable ? [{ type: 1, bytes: Uint8Array.from(code) }] : []),
    ...(interpreter === undefined ? [] : [{ type: 3, bytes: new TextEncoder().encode(`${interpreter}\0`) }]),
    ...(dynamic === undefined ? [] : [{ type: 2, bytes: dynamicSection(dynamic) }]),
  ];
  const start = 64 + 56 * contents.length;
  const total = contents.reduce((sum, { bytes }) => sum + bytes.length, start);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, options.class ?? 2, options.data ?? 1, 1]);
  view.setUint16(16, options.type ?? 2, true);
  view.setUint16(18, options.machine ?? 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, options.entry ?? BASE + BigInt(start), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, contents.length, true);
  let offset = start;
  contents.forEach(({ type, bytes }, index) => {
    const at = 64 + 56 * index;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, 5, true);
    view.setBigUint64(at + 8, type === 1 ? 0n : BigInt(offset), true);
    view.setBigUint64(at + 16, BASE + (type === 1 ? 0n : BigInt(offset)), true);
    view.setBigUint64(at + 32, BigInt(type === 1 ? offset + bytes.length : bytes.length), true);
    view.setBigUint64(at + 40, BigInt(type === 1 ? offset + bytes.length : bytes.length), true);
    view.setBigUint64(at + 48, 4096n, true);
    file.set(bytes, offset);
    offset += bytes.length;
  });
  return file;
}

function dynamicSection(tags: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(16 * (tags.length + 1));
  tags.forEach((tag, index) => {
    new DataView(bytes.buffer).setBigUint64(16 * index, tag, true);
  });
  return bytes;
}
