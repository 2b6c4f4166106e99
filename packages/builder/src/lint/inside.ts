import { createHash } from 'node:crypto';
import { decodeZstd, formatOf, MeasureError, type Part, type SplitContext, type Stamp } from '@altee/measure';
import { decompressors } from '../diff/decompressors.ts';

/** Bytes that stand one after the other as they are: a file, or what a stream in it holds. */
export interface Blob {
  readonly bytes: Uint8Array;
  readonly path: readonly string[];
  /** Its parts and theirs, by their place in the bytes. */
  readonly ranges: readonly Range[];
  /** Times that formats tell, with the place that tells them. */
  readonly stamps: readonly { readonly path: readonly string[]; readonly stamp: Stamp }[];
  /** What was taken apart elsewhere, or is compressed: searching it would find chance. */
  readonly skipped: readonly (readonly [start: number, end: number])[];
}

/** Where a part stands in its blob. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly path: readonly string[];
}

/** A blob in the making. */
interface Mutable extends Blob {
  readonly ranges: Range[];
  readonly stamps: { readonly path: readonly string[]; readonly stamp: Stamp }[];
  readonly skipped: (readonly [start: number, end: number])[];
}

const MAX_DEPTH = 24;
/** Of all that is decompressed. */
const MAX_DECOMPRESSED = 2 ** 31;
/** What stands in several files: the image is on the disk, too. */
const SHARED_FORMATS: ReadonlySet<string> = new Set(['PE image', 'zstd stream', 'gzip stream', 'xz stream']);
/** Of these the parts' places say no more than the file's name does. */
const FLAT_FORMATS: ReadonlySet<string> = new Set(['JSON', 'event log', 'kernel configuration']);

/** Takes files apart, and each content that they have in common once. */
export class Inside {
  readonly #seen = new Set<string>();
  readonly #context: SplitContext = {
    decompressors: {
      zstd: (bytes, maxOutputBytes) => decodeZstd(bytes, { maxOutputBytes }),
      ...decompressors,
    },
    decompressedBytesLeft: MAX_DECOMPRESSED,
  };
  /** What could not be looked into. */
  readonly opaque: string[] = [];

  /** The blobs of a file, itself first. */
  of(name: string, bytes: Uint8Array): Blob[] {
    const blobs: Blob[] = [];
    this.#blob([name], bytes, blobs);
    return blobs;
  }

  #blob(path: readonly string[], bytes: Uint8Array, blobs: Blob[]): void {
    const blob: Mutable = { bytes, path, ranges: [], stamps: [], skipped: [] };
    const streams: { path: readonly string[]; bytes: Uint8Array }[] = [];
    blobs.push(blob);
    this.#visit({ name: path.at(-1) ?? '', bytes, offset: 0 }, path, 0, blob, streams, path.length);
    for (const stream of streams) this.#blob(stream.path, stream.bytes, blobs);
  }

  #visit(
    part: Part,
    path: readonly string[],
    base: number,
    blob: Mutable,
    streams: { path: readonly string[]; bytes: Uint8Array }[],
    depth: number,
  ): void {
    const { bytes, stamps = [] } = part;
    for (const stamp of stamps) blob.stamps.push({ path, stamp });
    if (!bytes) return;
    blob.ranges.push({ start: base, end: base + bytes.length, path });
    const format = formatOf(bytes, part.name);
    if (!format || FLAT_FORMATS.has(format.name) || depth > MAX_DEPTH) return;
    if (SHARED_FORMATS.has(format.name) && this.#isKnown(bytes)) {
      blob.skipped.push([base, base + bytes.length]);
      return;
    }
    try {
      const split = format.split(bytes, this.#context);
      for (const stamp of split.stamps ?? []) blob.stamps.push({ path, stamp });
      for (const inner of split.parts) {
        const own = [...path, inner.name];
        if (inner.offset !== undefined)
          this.#visit(inner, own, base + inner.offset, blob, streams, depth + 1);
        else if (inner.bytes && format.name.endsWith('stream')) {
          blob.skipped.push([base, base + bytes.length]);
          streams.push({ path, bytes: inner.bytes });
        } else this.#visit({ ...inner, offset: 0 }, own, base, blob, streams, depth + 1);
      }
    } catch (error) {
      if (!(error instanceof MeasureError)) throw error;
      this.opaque.push(`${path.join('/')}: ${error.message}`);
    }
  }

  #isKnown(bytes: Uint8Array): boolean {
    const digest = createHash('sha256').update(bytes).digest('hex');
    if (this.#seen.has(digest)) return true;
    this.#seen.add(digest);
    return false;
  }
}

/** The innermost part that an offset is in. */
export function placeOf({ ranges, path }: Blob, offset: number): Range {
  let best: Range = { start: 0, end: Number.MAX_SAFE_INTEGER, path };
  for (const range of ranges)
    if (offset >= range.start && offset < range.end && range.end - range.start <= best.end - best.start)
      best = range;
  return best;
}
