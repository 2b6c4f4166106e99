import { createHash } from 'node:crypto';
import { lstat, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { projectTemplate } from '@altee/manifest';
import { checkStatic } from './app/check-static.ts';
import { BuilderError } from './error.ts';
import { ifPresent } from './store/errno.ts';
import { makeFolders } from './store/make-folders.ts';

export interface InitOptions {
  readonly folder: string;
  readonly name?: string;
  /** A static executable to package; without it the project builds a small Go program. */
  readonly staticBinary?: string;
}

export interface InitResult {
  readonly manifestFile: string;
  readonly files: readonly string[];
}

/** A file to write; content of an executable is bytes. */
interface NewFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode?: number;
}

/**
 * Writes a new project; a static executable that lies elsewhere is copied into it. Overwrites nothing: throws
 * `invalid-input` where one of its files is there already, before it writes any; `app-unusable` for an executable that
 * the image can't run.
 */
export async function initProject(options: InitOptions): Promise<InitResult> {
  const folder = resolve(options.folder);
  const name = options.name ?? nameFrom(basename(folder));
  const files =
    options.staticBinary === undefined
      ? buildFiles(name)
      : await staticFiles(folder, name, options.staticBinary);
  const shown = (path: string) => shownPath(join(folder, path));
  try {
    for (const { path } of files) {
      if ((await ifPresent(lstat(join(folder, path)))) === undefined) continue;
      throw new BuilderError('invalid-input', `"${shown(path)}" is there already`, {
        hint: 'altee init overwrites nothing; choose another folder',
      });
    }
    for (const { path, content, mode } of files) {
      await makeFolders(dirname(join(folder, path)));
      await writeFile(join(folder, path), content, { flag: 'wx', mode: mode ?? 0o666 });
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new BuilderError('invalid-input', `Cannot write to "${options.folder}": ${cause.message}`, {
      hint: 'Choose a folder that you can write to',
      cause,
    });
  }
  return { manifestFile: shown('altee.yaml'), files: files.map(({ path }) => shown(path)) };
}

function buildFiles(name: string): readonly NewFile[] {
  return projectTemplate({ name, kind: 'build' });
}

async function staticFiles(folder: string, name: string, binary: string): Promise<readonly NewFile[]> {
  const bytes = await readFile(binary).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read "${binary}"`, { cause });
  });
  checkStatic(bytes, binary);
  const below = relative(folder, resolve(binary));
  const isOutside = below === '..' || below.startsWith('../');
  const path = isOutside ? basename(binary) : below;
  const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return [
    ...projectTemplate({ name, kind: 'static', path: `./${path}`, sha256 }),
    ...(isOutside ? [{ path, content: bytes, mode: 0o777 }] : []),
  ];
}

/** As short as it can be told: from here, or from the root for what is elsewhere. */
function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('../') ? path : fromHere;
}

/** The nearest legal image name. */
function nameFrom(folderName: string): string {
  const name = folderName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return name === '' ? 'app' : name;
}
