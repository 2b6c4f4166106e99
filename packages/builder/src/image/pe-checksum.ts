/**
 * The `CheckSum` of a PE file, as ImageHlp's CheckSumMappedFile computes it: the ones' complement sum of the
 * file's 16-bit words, taken with the field itself as zero, plus the file's length. No firmware looks at it; an
 * image whose field holds anything else was changed after it was linked.
 */
export function peChecksum(file: Uint8Array, checkSumOffset: number): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const even = file.length & ~1;
  let sum = even < file.length ? view.getUint8(even) : 0;
  // A file of 1 GiB sums up to less than 2^46, which a number holds exactly: the carries can wait.
  for (let at = 0; at < even; at += 2) sum += view.getUint16(at, true);
  sum -= view.getUint16(checkSumOffset, true) + view.getUint16(checkSumOffset + 2, true);
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return (sum + file.length) % 2 ** 32;
}
