/** Whether a string can be written as UTF-8 and read back: no half of a surrogate pair. */
export function isUnicodeText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
