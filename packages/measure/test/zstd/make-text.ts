/** Lines that repeat each other in parts, the same every time: what compressors find matches and skewed letters in. */
export function text(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 1;
  let at = 0;
  while (at < size) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const line = `a line with a number in it, which is ${(state >>> 16) % 3}; and another, ${at >> 9}, that grows\n`;
    for (const character of line) if (at < size) bytes[at++] = character.charCodeAt(0);
  }
  return bytes;
}
