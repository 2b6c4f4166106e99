import { MeasureError, type MeasureErrorCode } from '../error.ts';
import { hexNumber } from './hex.ts';

/**
 * Reads little-endian fields in order, never past the end. Each read names its field, so that an error says
 * which structure, which field and where: `TCG_PCR_EVENT2.pcrIndex at 0x1f4: needs 4 bytes, 2 remain`.
 *
 * Byte ranges are views of the input, so nothing is allocated on the word of a length field.
 */
export class Reader {
  readonly structure: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  #position = 0;

  /** `base` is the offset of `bytes` in the file, for messages. */
  constructor(bytes: Uint8Array, structure: string, base = 0) {
    this.structure = structure;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
  }

  /** Offset of the next byte in the file. */
  get offset(): number {
    return this.#base + this.#position;
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(2, field), true);
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(4, field), true);
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#take(8, field), true);
  }

  /** A u64 that has to be a safe integer; anything larger is `malformed`. */
  length64(field: string): number {
    const start = this.offset;
    const value = this.u64(field);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.error('malformed', field, `${value} is no possible length`, start);
    }
    return Number(value);
  }

  /** A view of the next `count` bytes. */
  bytes(count: number, field: string): Uint8Array {
    const start = this.#take(count, field);
    return this.#bytes.subarray(start, start + count);
  }

  skip(count: number, field: string): void {
    this.#take(count, field);
  }

  /** All bytes that are left. */
  rest(): Uint8Array {
    return this.bytes(this.remaining, 'rest');
  }

  /** A reader over the next `count` bytes, for a structure inside this one. */
  within(count: number, field: string, structure: string): Reader {
    const base = this.offset;
    return new Reader(this.bytes(count, field), structure, base);
  }

  /** Throws `trailing` unless everything was read. */
  end(): void {
    if (this.remaining > 0) {
      throw new MeasureError(
        'trailing',
        `${this.structure} at ${hexNumber(this.offset)}: ${this.remaining} bytes stand after its end`,
        { offset: this.offset },
      );
    }
  }

  /** An error about `field`, to be thrown by the caller; `at` is by default the next byte's offset. */
  error(code: MeasureErrorCode, field: string, problem: string, at = this.offset): MeasureError {
    return new MeasureError(code, `${this.structure}.${field} at ${hexNumber(at)}: ${problem}`, {
      offset: at,
    });
  }

  #take(count: number, field: string): number {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw this.error('malformed', field, `${count} is no possible length`);
    }
    if (count > this.remaining) {
      throw this.error('truncated', field, `needs ${count} bytes, ${this.remaining} remain`);
    }
    const start = this.#position;
    this.#position += count;
    return start;
  }
}
