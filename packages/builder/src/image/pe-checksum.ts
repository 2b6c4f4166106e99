/**
 * The `CheckSum` of a PE file, as ImageHlp's CheckSumMappedFile computes it: the ones' complement sum of the
 * file's 16-bit words, taken with the field itself as zero, plus the file's length. No firmware looks at it; an
 * image whose field holds anything else was changed after it was linked.
 */
export function peChecksum(file: Uint8Array, checkSumOffset: number): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const even = file.length & ~1;
  let sum = 0;
  for (let at = 0; at < even; at += 2) {
    if (at >= checkSumOffset && at < checkSumOffset + 4) continue;
    sum += view.getUint16(at, true);
  }
  if (even < file.length) sum += view.getUint8(even);
  // The sum of 2^29 words stays an exact integer; the carries are added at the end.
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return (sum + file.length) % 2 ** 32;
}
