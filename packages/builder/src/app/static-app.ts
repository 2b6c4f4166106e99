import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Manifest } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import type { Store } from '../store/store.ts';
import type { BuiltApp } from './build-app.ts';
import { checkStatic } from './check-static.ts';

/**
 * Takes an executable that exists already, if it is the one that the manifest names. Throws `invalid-input` where
 * it can't be read, `app-unusable` for another digest and for what the image can't run.
 */
export async function takeStatic(
  store: Store,
  { path, sha256 }: NonNullable<Manifest['app']['static']>,
  folder: string,
): Promise<BuiltApp> {
  const bytes = await read(join(folder, path), path);
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual !== sha256) {
    throw new BuilderError(
      'app-unusable',
      `The application "${path}" is not the one that the manifest names`,
      {
        details: [`manifest: ${sha256}`, `file:     ${actual}`],
        hint: 'If the new file is meant, write its digest under "app.static.sha256"',
      },
    );
  }
  checkStatic(bytes, path);
  const entrypoint = basename(path);
  const key = createHash('sha256').update(`${entrypoint}\n${sha256}`).digest('hex');
  const tree = await store.addTree('output', `static-${key}`, async (made) => {
    const copy = join(made, 'out', entrypoint);
    await mkdir(join(made, 'out'));
    // The bytes that were checked, whatever the file holds by now.
    await writeFile(copy, bytes);
    await chmod(copy, 0o755);
  });
  return { folder: join(tree, 'out'), entrypoint };
}

async function read(file: string, shownName: string): Promise<Uint8Array> {
  try {
    const found = await stat(file);
    // A pipe would be waited for, and /dev/zero has no end.
    if (!found.isFile()) {
      throw new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
    }
    return await readFile(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : (code ?? message);
    throw new BuilderError('invalid-input', `Cannot read the application "${shownName}": ${why}`, {
      hint: 'Correct "app.static.path" in the manifest; it is relative to the manifest\'s folder',
      cause,
    });
  }
}
