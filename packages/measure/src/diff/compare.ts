import { equalBytes, isZero } from '../bytes/compare.ts';
import { fromUtf8 } from '../bytes/text.ts';
import { concatBytes } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { decodeZstd } from '../zstd/decode.ts';
import { findBytesDifference } from './bytes-difference.ts';
import type { FieldDifference, PartDifference } from './difference.ts';
import { formatOf } from './formats.ts';
import type { Decompressor, Field, Format, Part, Parts, SplitContext } from './parts.ts';
import { restOf } from './rest.ts';
import { findTextDifference } from './text-difference.ts';

/** What comparing may use. */
export interface CompareTools {
  /** Faster than the plain loop where the platform has something. */
  readonly equal?: (a: Uint8Array, b: Uint8Array) => boolean;
  /** By the name of a format, besides zstd, which is always there. */
  readonly decompressors?: Readonly<Record<string, Decompressor>>;
  /** Most bytes to decompress on each side; 1 GiB by default. */
  readonly maxDecompressedBytes?: number;
}

/** Nothing that altee writes is nested half as deep. */
const MAX_DEPTH = 24;
/** More differences than anybody reads. */
const MAX_DIFFERENCES = 5000;
/** Parts that overlap so much are made to cost time. */
const MAX_OVERLAP = 4;
const MAX_TEXT_BYTES = 4 * 2 ** 20;
const MAX_SAME = 100;

/**
 * Compares two things part by part, and parts of parts, down to sections, entries, fields and lines; `undefined` where
 * they are equal. Equal parts are not looked into. What cannot be taken apart is compared as bytes, with the reason;
 * nothing that differs is left out. Throws nothing for broken bytes.
 */
export function comparePart(a: Part, b: Part, tools: CompareTools = {}): PartDifference | undefined {
  return new Comparison(tools).part(a, b, []);
}

/** A part that only one side has. */
export function lonelyPart({ name, bytes }: Part, change: 'added' | 'removed'): PartDifference {
  const size = bytes?.length;
  const sizes = size === undefined ? {} : change === 'added' ? { b: size } : { a: size };
  return { name, change, sizes, fields: [], notes: [], parts: [] };
}

/** Compares several pairs, and tells the same difference once: the image of a disk is that of the file beside it. */
export class Comparison {
  readonly #equal: (a: Uint8Array, b: Uint8Array) => boolean;
  readonly #contexts: { readonly a: SplitContext; readonly b: SplitContext };
  /** Contents that were told to differ, with their path. */
  readonly #told: { readonly a: Uint8Array; readonly b: Uint8Array; readonly path: string }[] = [];
  #differences = 0;

  constructor({ equal = equalBytes, decompressors = {}, maxDecompressedBytes = 2 ** 30 }: CompareTools = {}) {
    this.#equal = equal;
    const context = (): SplitContext => ({
      decompressors: {
        zstd: (bytes, maxOutputBytes) => decodeZstd(bytes, { maxOutputBytes }),
        ...decompressors,
      },
      decompressedBytesLeft: maxDecompressedBytes,
    });
    this.#contexts = { a: context(), b: context() };
  }

  /** `path` leads to the part; it names what was told before. */
  part(a: Part, b: Part, path: readonly string[]): PartDifference | undefined {
    const own = [...path, a.name];
    const fields = compareFields(a.fields ?? [], b.fields ?? []);
    const found = this.#content(a, b, own);
    if (fields.length === 0 && !found) return undefined;
    this.#differences += 1;
    return {
      name: a.name,
      change: 'changed',
      sizes: sizesOf(a, b),
      notes: [],
      parts: [],
      ...found,
      fields: [...fields, ...(found?.fields ?? [])],
    };
  }

  #content(a: Part, b: Part, path: readonly string[]): Partial<PartDifference> | undefined {
    if (a.parts && b.parts) return this.#parts(a.parts, b.parts, undefined, path);
    if (!a.bytes || !b.bytes) {
      return a.bytes || b.bytes || a.parts || b.parts
        ? { notes: ['one side has content, the other has none'] }
        : undefined;
    }
    const [one, other] = [a.bytes, b.bytes];
    if (this.#equal(one, other)) return undefined;
    const known = this.#told.find((pair) => this.#equal(pair.a, one) && this.#equal(pair.b, other));
    if (known) return { sameAs: known.path };
    const difference = this.#bytes(a, b, one, other, path);
    if (this.#told.length < MAX_SAME && one.length > 4096)
      this.#told.push({ a: one, b: other, path: path.join('/') });
    return difference;
  }

  /** Two contents that differ: part by part where both are of one format, else as text or bytes. */
  #bytes(
    a: Part,
    b: Part,
    one: Uint8Array,
    other: Uint8Array,
    path: readonly string[],
  ): Partial<PartDifference> {
    const [formatA, formatB] = [formatOf(one, a.name), formatOf(other, b.name)];
    if (!formatA || formatA !== formatB) {
      return { ...compareFormats(formatA, formatB), ...compareLeaves(a, b, one, other) };
    }
    const format = formatA.name;
    if (path.length > MAX_DEPTH || this.#differences > MAX_DIFFERENCES) {
      return {
        format,
        ...compareLeaves(a, b, one, other),
        notes: ['not taken apart: there is too much of it'],
      };
    }
    const left = takeApart(formatA, one, this.#contexts.a);
    const right = takeApart(formatA, other, this.#contexts.b);
    if ('why' in left || 'why' in right) {
      const reasons = [
        ...('why' in left ? [`A cannot be taken apart: ${left.why}`] : []),
        ...('why' in right ? [`B cannot be taken apart: ${right.why}`] : []),
      ];
      return { format, ...compareLeaves(a, b, one, other), notes: reasons };
    }
    const found = this.#parts(left, right, [one, other], path);
    if (found) return { format, ...found };
    const why = left.otherwise ?? 'nothing that was told of it differs';
    return { format, ...compareLeaves(a, b, one, other), notes: [why] };
  }

  #parts(
    a: Parts,
    b: Parts,
    bytes: readonly [Uint8Array, Uint8Array] | undefined,
    path: readonly string[],
  ): Partial<PartDifference> | undefined {
    const fields = compareFields(a.fields ?? [], b.fields ?? []);
    const [left, right] = [byName(a.parts), byName(b.parts)];
    const parts: PartDifference[] = [];
    const moved: string[] = [];
    for (const [name, one] of left) {
      const other = right.get(name);
      if (!other) {
        parts.push({ ...lonelyPart(one, 'removed'), name });
        this.#differences += 1;
        continue;
      }
      const difference = this.part({ ...one, name }, { ...other, name }, path);
      if (difference) parts.push(difference);
      else if (one.place !== other.place) moved.push(name);
      if (this.#differences > MAX_DIFFERENCES) break;
    }
    for (const [name, other] of right) {
      if (left.has(name) || this.#differences > MAX_DIFFERENCES) continue;
      parts.push({ ...lonelyPart(other, 'added'), name });
      this.#differences += 1;
    }
    const order = orderNote([...left.keys()], [...right.keys()]);
    const rest = bytes && a.rest !== undefined ? this.#rest(a, b, bytes, a.rest) : undefined;
    if (rest) parts.push(rest);
    const notes = [
      ...(order === undefined ? [] : [order]),
      ...(moved.length === 0 ? [] : [movedNote(moved)]),
      ...(this.#differences > MAX_DIFFERENCES ? ['there are more differences than are told'] : []),
    ];
    return fields.length + parts.length + notes.length === 0 ? undefined : { fields, parts, notes };
  }

  #rest(
    a: Parts,
    b: Parts,
    [one, other]: readonly [Uint8Array, Uint8Array],
    name: string,
  ): PartDifference | undefined {
    const [runs, otherRuns] = [restOf(one, a), restOf(other, b)];
    // Put together only where they are to be told: they may be most of a file.
    const isSame = (run: Uint8Array, index: number) => {
      const twin = otherRuns[index];
      return twin !== undefined && this.#equal(run, twin);
    };
    if (runs.length === otherRuns.length && runs.every(isSame)) return undefined;
    const [left, right] = [concatBytes(runs), concatBytes(otherRuns)];
    // How many zeros fill a gap follows from the sizes of the parts.
    if (this.#equal(left, right) || (isZero(left) && isZero(right))) return undefined;
    const sizes = { a: left.length, b: right.length };
    const bytes = findBytesDifference(left, right);
    return { name, change: 'changed', sizes, fields: [], notes: [], parts: [], ...(bytes ? { bytes } : {}) };
  }
}

function takeApart(
  format: Format,
  bytes: Uint8Array,
  context: SplitContext,
): Parts | { readonly why: string } {
  try {
    const parts = format.split(bytes, context);
    const size = parts.parts.reduce(
      (sum, part) => sum + (part.offset === undefined ? 0 : (part.bytes?.length ?? 0)),
      0,
    );
    return size > MAX_OVERLAP * bytes.length + 4096
      ? { why: 'its parts overlap each other many times' }
      : parts;
  } catch (error) {
    if (error instanceof MeasureError) return { why: error.message };
    throw error;
  }
}

function compareFormats(a: Format | undefined, b: Format | undefined): Partial<PartDifference> {
  if (a === b) return {};
  return { fields: [{ name: 'format', a: a?.name ?? 'unknown', b: b?.name ?? 'unknown' }] };
}

function compareLeaves(
  a: Part,
  b: Part,
  one: Uint8Array,
  other: Uint8Array,
): Pick<PartDifference, 'bytes' | 'text' | 'format'> {
  const [left, right] = [textOf(one), textOf(other)];
  if (left !== undefined && right !== undefined)
    return { format: 'text', text: findTextDifference(left, right) };
  const bytes = findBytesDifference(one, other);
  if (!bytes) return {};
  const place = { ...placed('a', a.locate?.(bytes.offset)), ...placed('b', b.locate?.(bytes.offset)) };
  return { bytes: { ...bytes, ...(Object.keys(place).length === 0 ? {} : { place }) } };
}

function placed(side: 'a' | 'b', text: string | undefined): { readonly a?: string; readonly b?: string } {
  return text === undefined ? {} : { [side]: text };
}

/** Text in the sense of a person: UTF-8 with nothing but line breaks and tabs of what cannot be seen. */
function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_TEXT_BYTES) return undefined;
  for (const byte of bytes)
    if (byte < 0x20 && byte !== 0x0a && byte !== 0x09 && byte !== 0x0d) return undefined;
  return fromUtf8(bytes);
}

/** Names that come again are numbered, so that each part has one of its own. */
function byName(parts: readonly Part[]): Map<string, Part> {
  const counts = new Map<string, number>();
  const named = new Map<string, Part>();
  for (const part of parts) {
    let count = (counts.get(part.name) ?? 0) + 1;
    // A part may be called by the number of another.
    const numbered = () => (count === 1 ? part.name : `${part.name} (${count})`);
    while (named.has(numbered())) count += 1;
    counts.set(part.name, count);
    named.set(numbered(), part);
  }
  return named;
}

function compareFields(a: readonly Field[], b: readonly Field[]): FieldDifference[] {
  const [left, right] = [new Map(valuesOf(a)), new Map(valuesOf(b))];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names.flatMap((name) => {
    const [one, other] = [left.get(name), right.get(name)];
    if (one === other) return [];
    return [{ name, ...(one === undefined ? {} : { a: one }), ...(other === undefined ? {} : { b: other }) }];
  });
}

function valuesOf(fields: readonly Field[]): [string, string][] {
  return fields.map(({ name, value }) => [name, value]);
}

function sizesOf(a: Part, b: Part): PartDifference['sizes'] {
  return {
    ...(a.bytes === undefined ? {} : { a: a.bytes.length }),
    ...(b.bytes === undefined ? {} : { b: b.bytes.length }),
  };
}

/** The first name that both sides have in another order. */
function orderNote(a: readonly string[], b: readonly string[]): string | undefined {
  const [inA, inB] = [new Set(a), new Set(b)];
  const left = a.filter((name) => inB.has(name));
  const right = b.filter((name) => inA.has(name));
  const at = left.findIndex((name, index) => name !== right[index]);
  return at < 0 ? undefined : `the order differs: "${left[at]}" in A stands where "${right[at]}" does in B`;
}

const SHOWN_MOVED = 6;

function movedNote(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_MOVED).join(', ');
  const more = names.length > SHOWN_MOVED ? ` and ${names.length - SHOWN_MOVED} more` : '';
  return `the same, but elsewhere: ${shown}${more}`;
}
