/**
 * What went wrong, from a closed list; the CLI derives the exit code from it:
 * `invalid-input` is the user's to mend (exit 2), everything else is a failure (exit 1).
 */
export type BuilderErrorCode =
  | 'invalid-input'
  | 'lock-outdated'
  | 'lock-invalid'
  | 'signature-invalid'
  | 'index-invalid'
  | 'package-not-found'
  | 'dependency-unsatisfiable'
  | 'download-failed'
  | 'digest-mismatch'
  | 'offline-missing'
  | 'bundle-invalid'
  | 'archive-hostile'
  | 'archive-malformed'
  | 'store-corrupt'
  | 'disk-full'
  | 'sandbox-unavailable'
  | 'executor-unavailable'
  | 'step-failed'
  | 'step-limit'
  | 'kernel-config'
  | 'app-unusable'
  | 'image-invalid'
  | 'image-leaks'
  | 'machine-failed'
  | 'release-tampered'
  | 'statement-malformed';

/**
 * Any failure of the builder. `message` says what and where (capital first, no final period);
 * `hint` says what to do; `details` are further lines, such as the tail of a log.
 */
export class BuilderError extends Error {
  readonly code: BuilderErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(
    code: BuilderErrorCode,
    message: string,
    options: { hint?: string; details?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BuilderError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}
