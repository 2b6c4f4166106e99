/** A named value that stands about a part: its mode, its time, a field of a header. */
export interface Field {
  readonly name: string;
  readonly value: string;
}

/** A moment that a format writes down. */
export interface Stamp {
  readonly name: string;
  /** Seconds since 1970, UTC. */
  readonly seconds: number;
  /** Where it stands in the bytes that hold it, where that is one place. */
  readonly offset?: number;
}

/** One part of something: a section, a file, an entry. */
export interface Part {
  readonly name: string;
  readonly fields?: readonly Field[];
  /** Its content; absent for a part that is nothing but its fields. */
  readonly bytes?: Uint8Array;
  /** Where the content starts in the bytes that it is a part of; absent where it was made out of them (decompressed). */
  readonly offset?: number;
  /** Bytes of the whole that `fields` tell completely, as offset and length. */
  readonly told?: readonly (readonly [offset: number, length: number])[];
  /** What follows from the sizes of other parts: addresses, offsets, inode numbers. Told once for all parts. */
  readonly place?: string;
  readonly stamps?: readonly Stamp[];
  /** A part that was taken apart with the whole, such as an object in JSON. */
  readonly parts?: Parts;
  /** What stands at an offset of the content: a symbol, an address. */
  readonly locate?: (offset: number) => string | undefined;
}

/** Something taken apart. */
export interface Parts {
  /** What it is, in words: `PE image`. */
  readonly format: string;
  readonly fields?: readonly Field[];
  /** Bytes that `fields` tell completely. */
  readonly told?: readonly (readonly [offset: number, length: number])[];
  readonly stamps?: readonly Stamp[];
  readonly parts: readonly Part[];
  /**
   * What the bytes are called that neither a part nor a field covers, so that no difference hides in them. Absent where
   * the parts were made out of all bytes.
   */
  readonly rest?: string;
  /** What to say when the bytes differ, and nothing that was told of them does. */
  readonly otherwise?: string;
}

/** What taking apart may use and cost. */
export interface SplitContext {
  /** Decompresses by the name of a format; absent for formats that cannot be read here. */
  readonly decompressors: Readonly<Record<string, Decompressor>>;
  /** Bytes that may still be decompressed. Counted down. */
  decompressedBytesLeft: number;
}

/**
 * Decompresses the stream that the bytes begin with. Throws a `MeasureError` for a broken one and for content above the
 * limit.
 */
export type Decompressor = (
  bytes: Uint8Array,
  maxOutputBytes: number,
) => { readonly output: Uint8Array; readonly consumedBytes: number };

/** One format: how it is recognised, and how it is taken apart. */
export interface Format {
  readonly name: string;
  /** `name` is what the part is called. */
  readonly recognises: (bytes: Uint8Array, name: string) => boolean;
  /** Throws a `MeasureError` where the bytes are broken. */
  readonly split: (bytes: Uint8Array, context: SplitContext) => Parts;
}

/** `2026-11-21T10:55:38Z`, or the number where that is no year that a calendar has. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace('.000Z', 'Z');
}
