import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { BuilderError } from '../error.ts';

/**
 * The path of the manifest's source folder, links in it resolved. A project of a stranger may hold a link to the
 * user's own files, which the application and so the image would then get: throws `app-unusable` where it leads
 * out of the project, `invalid-input` where nothing is.
 */
export async function findSource(project: string, source: string): Promise<string> {
  const [root, path] = await Promise.all([realpath(project), found(join(project, source))]);
  if (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)) return path;
  throw new BuilderError('app-unusable', `The source folder "${source}" is a link to "${path}"`, {
    hint: "Move the sources into the manifest's folder: nothing outside of it is read",
  });
}

async function found(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new BuilderError('invalid-input', `Cannot read the source folder "${path}" (${code})`, {
      hint: 'Correct "app.build.source" in the manifest',
      cause,
    });
  }
}
