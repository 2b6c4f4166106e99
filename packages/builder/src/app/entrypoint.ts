import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { BuilderError } from '../error.ts';
import { checkStatic } from './check-static.ts';

/** Throws `app-unusable` unless the build left an executable of that name in `out` that the image can run. */
export async function checkEntrypoint(out: string, entrypoint: string): Promise<void> {
  const path = join(out, entrypoint);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    throw new BuilderError('app-unusable', `The build left no file "${entrypoint}" in $OUT`, {
      hint: 'Correct "app.build.entrypoint", or let "app.build.run" write there',
    });
  }
  if (!(await realpath(path)).startsWith((await realpath(out)) + sep)) {
    throw new BuilderError('app-unusable', `The entrypoint "${entrypoint}" is a link out of $OUT`, {
      hint: 'Copy the executable into $OUT',
    });
  }
  if ((found.mode & 0o100) === 0) {
    throw new BuilderError('app-unusable', `The entrypoint "${entrypoint}" is not executable`, {
      hint: 'Let "app.build.run" set its mode: chmod +x',
    });
  }
  checkStatic(await readFile(path), entrypoint);
}
