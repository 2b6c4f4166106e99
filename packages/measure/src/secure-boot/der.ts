import { equalBytes } from '../bytes/compare.ts';
import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';

/**
 * An element of DER (ITU-T X.690). All parts are views of the input: signatures cover exact bytes, so that nothing
 * may be encoded anew.
 */
export interface DerElement {
  /** The identifier octet: class, constructed bit and tag number, which is below 31 in everything read here. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Identifier, length and content. */
  readonly encoded: Uint8Array;
  /** Offset of the content in the input. */
  readonly contentOffset: number;
}

/** Identifier octets. */
export const derTags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
} as const;

/** Reads elements one after the other; every error names the structure and the offset. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #reader: Reader;
  readonly #base: number;

  constructor(bytes: Uint8Array, structure: string, base = 0) {
    this.#bytes = bytes;
    this.#base = base;
    this.#reader = new Reader(bytes, structure, base);
  }

  get atEnd(): boolean {
    return this.#reader.remaining === 0;
  }

  /** The next element, of any type. Lengths are definite and have at most four bytes. */
  next(field: string): DerElement {
    const start = this.#reader.offset;
    const tag = this.#reader.u8(field);
    if ((tag & 0x1f) === 0x1f)
      throw this.#reader.error('unsupported', field, 'a tag of several bytes', start);
    const length = this.#length(field);
    const contentOffset = this.#reader.offset;
    const content = this.#reader.bytes(length, field);
    const encoded = this.#bytes.subarray(start - this.#base, this.#reader.offset - this.#base);
    return { tag, content, encoded, contentOffset };
  }

  /** The next element, which has to have that identifier. */
  take(tag: number, field: string): DerElement {
    const start = this.#reader.offset;
    const element = this.next(field);
    if (element.tag !== tag) {
      throw this.#reader.error(
        'malformed',
        field,
        `tag 0x${element.tag.toString(16)}, not 0x${tag.toString(16)}`,
        start,
      );
    }
    return element;
  }

  /** The next element if it has that identifier; otherwise nothing is read. */
  optional(tag: number, field: string): DerElement | undefined {
    const next = this.#bytes[this.#reader.offset - this.#base];
    return next === tag ? this.next(field) : undefined;
  }

  /** A reader over the elements inside the next one. */
  inside(tag: number, field: string): DerReader {
    return inside(this.take(tag, field), field);
  }

  #length(field: string): number {
    const start = this.#reader.offset;
    const first = this.#reader.u8(`${field} (length)`);
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4)
      throw this.#reader.error('malformed', field, 'a length that DER does not have', start);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#reader.u8(`${field} (length)`);
    return length;
  }
}

/** A reader over the elements inside one. */
export function inside(element: DerElement, structure: string): DerReader {
  return new DerReader(element.content, structure, element.contentOffset);
}

/** All elements inside one. */
export function children(element: DerElement, structure: string): DerElement[] {
  const reader = inside(element, structure);
  const all: DerElement[] = [];
  while (!reader.atEnd) all.push(reader.next('element'));
  return all;
}

/** The content octets of an OBJECT IDENTIFIER in dotted form (X.690, 8.19). */
export function encodeOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [40 * first + second, ...rest]) {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left % 128) | 0x80);
    bytes.push(...digits);
  }
  return Uint8Array.from(bytes);
}

/** Which of the named identifiers it is. */
export function findOid<Name extends string>(
  known: Readonly<Record<Name, Uint8Array>>,
  content: Uint8Array,
): Name | undefined {
  for (const name in known) if (equalBytes(known[name], content)) return name;
  return undefined;
}

/** The bytes of a BIT STRING that fills its last byte. Throws `malformed`. */
export function bitStringBytes(element: DerElement, field: string): Uint8Array {
  if (element.content[0] !== 0)
    throw new MeasureError('malformed', `${field}: a BIT STRING that ends within a byte`, {
      offset: element.contentOffset,
    });
  return element.content.subarray(1);
}
