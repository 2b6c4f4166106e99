import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { projectTemplate } from '@altee/manifest';
import { checkStatic } from './app/check-static.ts';
import { BuilderError } from './error.ts';

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

/**
 * Writes a new project. Overwrites nothing: throws `invalid-input` where one of its files is there already,
 * before it writes any.
 */
export async function initProject(options: InitOptions): Promise<InitResult> {
  const folder = resolve(options.folder);
  const name = options.name ?? nameFrom(basename(folder));
  const template = projectTemplate(
    options.staticBinary === undefined
      ? { name, kind: 'build' }
      : { name, kind: 'static', ...(await describeStatic(folder, options.staticBinary)) },
  );
  const shown = (path: string) => relative(process.cwd(), join(folder, path)) || path;
  for (const { path } of template) {
    if (await exists(join(folder, path))) {
      throw new BuilderError('invalid-input', `"${shown(path)}" is there already`, {
        hint: 'altee init overwrites nothing; choose another folder',
      });
    }
  }
  for (const { path, content } of template) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content, { flag: 'wx' });
  }
  return { manifestFile: shown('altee.yaml'), files: template.map(({ path }) => shown(path)) };
}

async function describeStatic(folder: string, binary: string): Promise<{ path: string; sha256: string }> {
  const path = relative(folder, resolve(binary));
  if (path.startsWith('..')) {
    throw new BuilderError('invalid-input', `"${binary}" is outside of the project's folder`, {
      hint: 'Copy it into the folder first: a manifest refers to files below its own folder',
    });
  }
  const bytes = await readFile(binary).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read "${binary}"`, { cause });
  });
  checkStatic(bytes, binary);
  return { path: `./${path}`, sha256: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

/** The nearest legal image name. */
function nameFrom(folderName: string): string {
  const name = folderName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return name === '' ? 'app' : name.slice(0, 63);
}

async function exists(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
