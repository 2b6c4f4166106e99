import { BuilderError } from '@altee/builder';
import { LockError, ManifestError } from '@altee/manifest';
import { CommanderError } from 'commander';

/** 0 done · 1 failed · 2 the input is invalid · 3 the answer is no (mismatch, not reproduced). */
export const EXIT = { done: 0, failed: 1, invalidInput: 2, no: 3 } as const;

const INVALID_INPUT_CODES: ReadonlySet<string> = new Set([
  'invalid-input',
  'lock-outdated',
  'lock-invalid',
  'kernel-config',
  'app-unusable',
  'bundle-invalid',
]);

/** The exit code that an error thrown by a command stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.invalidInput;
  if (error instanceof ManifestError || error instanceof LockError) return EXIT.invalidInput;
  if (error instanceof BuilderError) {
    return INVALID_INPUT_CODES.has(error.code) ? EXIT.invalidInput : EXIT.failed;
  }
  return EXIT.failed;
}
