import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';

/** A file that the stub puts into an archive. */
export interface CpioFile {
  readonly name: string;
  readonly contents: Uint8Array;
}

/** Where an archive's files go: a folder, its mode and theirs. */
export interface CpioTarget {
  readonly target: string;
  readonly folderMode: number;
  readonly fileMode: number;
}

/** S_IFDIR and S_IFREG (inode(7)). */
const types = { directory: 0o040000, file: 0o100000 } as const;

/** What leads to the last folder of a target always has this mode. */
const leadingMode = 0o555;

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
 * The archive that systemd-stub makes: the folders that lead to the target, the files in it in the given order, the
 * end mark. All else is fixed (systemd src/boot/cpio.c `pack_cpio_prefix`, `pack_cpio_one`).
 */
export function encodeStubCpio(
  { target, folderMode, fileMode }: CpioTarget,
  files: readonly CpioFile[],
): Uint8Array {
  const writer = new Writer();
  let inode = 0;
  const entry = (mode: number, path: string, data: Uint8Array): void => {
    const name = ascii(`${path}\0`);
    inode += 1;
    writer
      .bytes(header(inode, mode, 1, data.length, name.length))
      .bytes(name)
      .align(4)
      .bytes(data)
      .align(4);
  };
  const parts = target.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const mode = depth === parts.length ? folderMode : leadingMode;
    entry(types.directory | mode, parts.slice(0, depth).join('/'), new Uint8Array(0));
  }
  for (const { name, contents } of files) entry(types.file | fileMode, `${target}/${name}`, contents);
  return writer.bytes(trailer).finish();
}

const extra: CpioTarget = { target: '.extra', folderMode: 0o555, fileMode: 0o444 };

/** The archive that systemd-stub makes of one embedded section. */
export function encodeExtraCpio(file: string, contents: Uint8Array): Uint8Array {
  return encodeStubCpio(extra, [{ name: file, contents }]);
}
