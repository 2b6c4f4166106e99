/**
 * The text with everything that could steer a terminal or reorder what a person reads written out as an escape:
 * C0 and C1 controls (but tab), DEL, line and paragraph separators, and the bidirectional controls of Unicode
 * (UAX #9). Build tools and guests print what they like; our screen shows it as text.
 */
export function printable(line: string): string {
  return line.replace(STEERING, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

const STEERING = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
