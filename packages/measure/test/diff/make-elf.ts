import { ascii } from '../../src/bytes/text.ts';

/** A 64-bit ELF file with the given sections, one after the other behind its header, and a table of their names. */
export function makeElf(sections: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const entries = Object.entries(sections);
  const names = `\0${[...entries.map(([name]) => name), '.shstrtab'].join('\0')}\0`;
  const all = [...entries, ['.shstrtab', ascii(names)] as const];
  const content = all.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const table = 64 + content;
  const file = new Uint8Array(table + 64 * (all.length + 1));
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(40, BigInt(table), true);
  view.setUint16(58, 64, true);
  view.setUint16(60, all.length + 1, true);
  view.setUint16(62, all.length, true);
  let offset = 64;
  all.forEach(([name, bytes], index) => {
    const row = table + 64 * (index + 1);
    view.setUint32(row, names.indexOf(`\0${name}\0`) + 1, true);
    view.setUint32(row + 4, 1, true);
    view.setBigUint64(row + 8, 2n, true);
    view.setBigUint64(row + 16, BigInt(0x40_0000 + offset), true);
    view.setBigUint64(row + 24, BigInt(offset), true);
    view.setBigUint64(row + 32, BigInt(bytes.length), true);
    file.set(bytes, offset);
    offset += bytes.length;
  });
  return file;
}
