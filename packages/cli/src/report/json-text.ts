/** What JSON leaves as it is and a terminal may act on: C1 controls, line separators, bidirectional controls. */
const STEERING = /[\u007f-\u009f\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The value as JSON text, fit for a terminal too: what could steer one is written as the escapes of JSON. */
export function jsonText(value: unknown): string {
  // JSON escapes the C0 controls itself; all of these can stand in strings only.
  return JSON.stringify(value, null, 2).replace(
    STEERING,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
