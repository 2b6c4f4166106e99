import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuilderError } from './error.ts';

/** A new folder that only this user can enter, below `base`. Throws `invalid-input` where none can be made there. */
export async function temporaryFolder(prefix: string, base: string = tmpdir()): Promise<string> {
  try {
    return await mkdtemp(join(base, prefix));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BuilderError('invalid-input', `Cannot use "${base}" for temporary files: ${reason}`, {
      hint: 'Let TMPDIR name a folder that you can write to',
      cause,
    });
  }
}
