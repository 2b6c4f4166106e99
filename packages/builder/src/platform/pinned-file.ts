import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import { readAtMost } from '../project.ts';
import { fileErrorReason } from '../store/file-error.ts';

/** A file that the manifest names with its digest. */
export interface PinnedFile {
  readonly path: string;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
}

/**
 * The bytes of a file that the manifest pins. `what` names it in messages (`firmware`). Throws `invalid-input` where it
 * can't be read or is longer than `limit` bytes, `digest-mismatch` where it is another one.
 */
export async function readPinnedFile(
  folder: string,
  { path, sha256 }: PinnedFile,
  what: string,
  limit: number,
): Promise<Uint8Array> {
  const bytes = await readAtMost(join(folder, path), limit + 1).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read the ${what} "${path}": ${fileErrorReason(cause)}`, {
      hint: 'Paths in the manifest are relative to its folder',
    });
  });
  if (bytes.length > limit) {
    throw new BuilderError('invalid-input', `The ${what} "${path}" is larger than ${limit} bytes`);
  }
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual !== sha256) {
    throw new BuilderError(
      'digest-mismatch',
      `The ${what} "${path}" is not the one that the manifest names`,
      {
        details: [`manifest: ${sha256}`, `file:     ${actual}`],
        hint: 'If the new file is meant, write its digest into the manifest',
      },
    );
  }
  return bytes;
}
