/** What this file uses of the Encoding Standard: Node and browsers both have it, TypeScript's `es2023` does not declare it. */
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

/** Decodes UTF-8, keeping a byte order mark; undefined where the bytes are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** First byte, and range of the second, of the sequences of each length: table 3-7 of the Unicode Standard, §3.9. */
const sequences: readonly { first: [number, number]; second: [number, number]; length: number }[] = [
  { first: [0x00, 0x7f], second: [0, 0], length: 1 },
  { first: [0xc2, 0xdf], second: [0x80, 0xbf], length: 2 },
  { first: [0xe0, 0xe0], second: [0xa0, 0xbf], length: 3 },
  { first: [0xe1, 0xec], second: [0x80, 0xbf], length: 3 },
  { first: [0xed, 0xed], second: [0x80, 0x9f], length: 3 },
  { first: [0xee, 0xef], second: [0x80, 0xbf], length: 3 },
  { first: [0xf0, 0xf0], second: [0x90, 0xbf], length: 4 },
  { first: [0xf1, 0xf3], second: [0x80, 0xbf], length: 4 },
  { first: [0xf4, 0xf4], second: [0x80, 0x8f], length: 4 },
];

/** Offset of the first byte that starts no well-formed sequence, or undefined where all is UTF-8. */
export function firstInvalidUtf8(bytes: Uint8Array): number | undefined {
  let offset = 0;
  while (offset < bytes.length) {
    const first = bytes[offset] ?? 0;
    const row = sequences.find(({ first: [low, high] }) => first >= low && first <= high);
    if (row === undefined) return offset;
    for (let index = 1; index < row.length; index += 1) {
      const byte = bytes[offset + index] ?? -1;
      const [low, high] = index === 1 ? row.second : [0x80, 0xbf];
      if (byte < low || byte > high) return offset;
    }
    offset += row.length;
  }
  return undefined;
}
