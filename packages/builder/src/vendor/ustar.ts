/** Blocks of a tar archive, POSIX.1-2017 pax, "ustar Interchange Format". */
export const BLOCK_BYTES = 512;

/** The two zero blocks that end an archive. */
export const END_BYTES = 2 * BLOCK_BYTES;

/** Longest name that stands in a header without a prefix or an extension. */
export const MOST_NAME_BYTES = 100;

/** Largest size that eleven octal digits hold. */
const MOST_FILE_BYTES = 8 ** 11 - 1;

/**
 * The header of a regular file with mode 644, time 0, owner 0 and no owner's name: the same for the same name and size
 * wherever it is made. `name` is ASCII.
 */
export function fileHeader(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  if (name.length > MOST_NAME_BYTES || size > MOST_FILE_BYTES) throw new RangeError('Too long for a header');
  block.write(name, 0, 'ascii');
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${octal(size, 11)}\0`, 124);
  block.write(`${octal(0, 11)}\0`, 136);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  block.write('0000000\0', 329);
  block.write('0000000\0', 337);
  // The sum is over the header with blanks in the place of the sum.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

/** Zero bytes between a content of that size and the next header. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Name and size that a header says; for messages, and for the first member, whose size nothing else tells. */
export function readHeader(block: Uint8Array): { name: string; size: number | undefined } {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const size = /^([0-7]{1,11})[ \0]/.exec(bytes.toString('latin1', 124, 136))?.[1];
  return {
    name: bytes.toString('utf8', 0, MOST_NAME_BYTES).replace(/\0.*$/s, ''),
    size: size === undefined ? undefined : Number.parseInt(size, 8),
  };
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
