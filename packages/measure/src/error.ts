/**
 * Why bytes could not be read or a question could not be answered, from a closed list.
 *
 * - `truncated`: a field needs more bytes than there are. The file is cut short or a length in it lies.
 * - `malformed`: a value that the format forbids.
 * - `trailing`: bytes stand after the end of the structure.
 * - `unsupported`: well-formed, but a version or variant that this library does not know.
 * - `not-found`: a section, event or register that was asked for is not there.
 */
export type MeasureErrorCode = 'truncated' | 'malformed' | 'trailing' | 'unsupported' | 'not-found';

/**
 * The only error this package throws on purpose. The message names the structure and, where one is known,
 * the offset (`TCG_PCR_EVENT2.pcrIndex at 0x1f4: needs 4 bytes, 2 remain`).
 */
export class MeasureError extends Error {
  readonly code: MeasureErrorCode;
  /** Byte offset in the input at which the trouble begins, where there is one. */
  readonly offset: number | undefined;

  constructor(code: MeasureErrorCode, message: string, options: { offset?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MeasureError';
    this.code = code;
    this.offset = options.offset;
  }
}
