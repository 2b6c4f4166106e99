import { stat, writeFile } from 'node:fs/promises';
import { BuilderError } from './error.ts';
import { explainDiskFull, hasCode } from './store/errno.ts';
import { fileErrorReason, isSystemError } from './store/file-error.ts';

/**
 * Writes a file that the user asked for, in place of what was there. Throws `invalid-input` where it can't be written,
 * and where it is one of `inputs`, which would be lost.
 */
export async function writeOutput(file: string, text: string, inputs: readonly string[]): Promise<void> {
  const [there, ...read] = await Promise.all(
    [file, ...inputs].map((path) => stat(path).catch(() => undefined)),
  );
  const isInput = read.some((each) => each?.isFile() && each.dev === there?.dev && each.ino === there.ino);
  if (isInput)
    throw new BuilderError('invalid-input', `Cannot write "${file}": it was just read as an input`);
  try {
    await writeFile(file, text);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const explained = explainDiskFull(error, file);
    if (explained instanceof BuilderError) throw explained;
    const why = hasCode(error, 'ENOENT') ? 'its folder is not there' : fileErrorReason(error);
    throw new BuilderError('invalid-input', `Cannot write "${file}": ${why}`);
  }
}
