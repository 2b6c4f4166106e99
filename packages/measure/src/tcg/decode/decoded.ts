/** What an event's data says, in words. Every text holds what the log's writer chose: escape it before showing. */
export interface DecodedData {
  /** One line, without full stop. */
  readonly text: string;
  /** More lines, for who asks for details; bounded in number. */
  readonly details: readonly string[];
  /**
   * What the event is about, equal for the same thing in two logs (`variable db`), or `undefined`. Events are aligned
   * by it.
   */
  readonly subject: string | undefined;
}

/** No more lines than this are made of one event. */
const maxDetails = 64;
const maxText = 2000;

/** Data of more bytes than this is not put in words: no firmware and no loader logs so much in one event. */
export const maxDecodedBytes = 1 << 20;

/** The decoded form with its texts bounded. */
export function decoded(text: string, subject?: string, details: readonly string[] = []): DecodedData {
  const shown = details.slice(0, maxDetails).map(shorten);
  if (details.length > maxDetails) shown.push(`… ${details.length - maxDetails} more`);
  return {
    text: shorten(text),
    subject: subject === undefined ? undefined : shorten(subject),
    details: shown,
  };
}

function shorten(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText)}…` : text;
}

/** `1 byte`, `5 bytes`. */
export function bytesText(count: number): string {
  return `${count} ${count === 1 ? 'byte' : 'bytes'}`;
}
