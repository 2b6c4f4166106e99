import type { FileInPackage } from '@altee/manifest';
import { BuilderError } from './error.ts';
import type { Root } from './executor/executor.ts';
import { resolveInRoot } from './root/resolve-in-root.ts';
import { hashFile } from './store/hash-file.ts';

/**
 * The path of a file that the lock pins inside a root. Throws `lock-invalid` if there is none, `digest-mismatch` if it
 * isn't the locked one.
 */
export async function checkFileInPackage(root: Root, file: FileInPackage): Promise<string> {
  let path: string;
  let sha256: string;
  try {
    path = await resolveInRoot(root.path, file.path);
    ({ sha256 } = await hashFile(path));
  } catch (cause) {
    throw new BuilderError('lock-invalid', `Package "${file.package}" has no file "${file.path}"`, {
      hint: 'The lock was edited: run "altee lock"',
      cause,
    });
  }
  if (sha256 !== file.sha256) {
    throw new BuilderError(
      'digest-mismatch',
      `"${file.path}" of package "${file.package}" is not the locked one`,
      {
        details: [`lock: ${file.sha256}`, `here: ${sha256}`],
        hint: 'The lock was edited: run "altee lock"',
      },
    );
  }
  return path;
}
