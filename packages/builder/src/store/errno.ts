import { BuilderError } from '../error.ts';

/** Whether a failed system call's error has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
  );
}

/** The value, or `undefined` where a file or folder on the way doesn't exist. */
export async function ifPresent<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/**
 * The error to throw for `error`, met while writing below `path`: `disk-full` where the disk or the user's quota
 * is exhausted (also as a cause further down), else the error as it is.
 */
export function explainDiskFull(error: unknown, path: string): unknown {
  if (error instanceof BuilderError) return error;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (hasCode(cause, 'ENOSPC', 'EDQUOT')) {
      return new BuilderError('disk-full', `Cannot write to "${path}": no space left on the disk`, {
        hint: 'Free some space, run "altee cache prune", or let ALTEE_CACHE name a folder on a larger disk',
        cause: error,
      });
    }
  }
  return error;
}
