import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';

/** One header of the newc format: magic and 13 fields of eight hex digits (Linux initramfs buffer format). */
function header(inode: number, mode: number, links: number, size: number, nameSize: number): Uint8Array {
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameSize, 0];
  return ascii(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
}

/** The end mark, whose name size systemd writes with an upper-case digit, unlike every other field. */
const trailer = ascii(
  `070701${'00000000'.repeat(4)}00000001${'00000000'.repeat(6)}0000000B00000000TRAILER!!!\0\0\0\0`,
);

/**
 * The archive that systemd-stub makes of one embedded section: directory `.extra`, the file in it, the end mark.
 * All of it is fixed but name and contents (systemd src/boot/cpio.c `pack_cpio_literal`).
 */
export function encodeExtraCpio(file: string, contents: Uint8Array): Uint8Array {
  const writer = new Writer();
  const entry = (inode: number, mode: number, path: string, data: Uint8Array): void => {
    const name = ascii(`${path}\0`);
    writer
      .bytes(header(inode, mode, 1, data.length, name.length))
      .bytes(name)
      .align(4)
      .bytes(data)
      .align(4);
  };
  entry(1, 0o040555, '.extra', new Uint8Array(0));
  entry(2, 0o100444, `.extra/${file}`, contents);
  return writer.bytes(trailer).finish();
}
