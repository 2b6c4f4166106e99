import { copyFile, lstat, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BuilderError } from './error.ts';
import { SUMS_FILE, verifySums, writeSums } from './image/sums.ts';
import { removeTree } from './store/remove-tree.ts';

export interface DistFile {
  readonly name: string;
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

export interface DistResult {
  readonly outDir: string;
  readonly files: readonly DistFile[];
  /** False where the folder held the same bytes already. */
  readonly changed: boolean;
}

/** A results folder in the making. */
export interface DistFolder {
  path(name: string): string;
  write(name: string, content: string | Uint8Array): Promise<void>;
  copy(name: string, source: string): Promise<void>;
}

/**
 * Makes a results folder and puts it in place of the former one as a whole, or, if `fill` fails, not at all; a
 * folder that holds the same bytes stays untouched. Throws `invalid-input` where `outDir` is there and isn't a
 * results folder of altee's.
 */
export async function writeDist(
  outDir: string,
  fill: (folder: DistFolder) => Promise<void>,
): Promise<DistResult> {
  const target = resolve(outDir);
  await checkReplaceable(target, outDir);
  await mkdir(dirname(target), { recursive: true });
  const temporary = join(dirname(target), `.${basename(target)}.tmp-${process.pid}`);
  await removeTree(temporary);
  await mkdir(temporary, { mode: 0o755 });
  try {
    await fill(distFolder(temporary));
    const sums = await writeSums(temporary);
    const changed = !(await holdsAlready(target, sums));
    if (changed) await replace(target, temporary);
    return { outDir, files: await listFiles(target, sums), changed };
  } finally {
    await removeTree(temporary);
  }
}

function distFolder(folder: string): DistFolder {
  const path = (name: string) => join(folder, name);
  return {
    path,
    write: async (name, content) => {
      await mkdir(dirname(path(name)), { recursive: true, mode: 0o755 });
      await writeFile(path(name), content);
    },
    copy: (name, source) => copyFile(source, path(name)),
  };
}

/** An empty folder or one with `SHA256SUMS` may be replaced; anything else may be somebody's work. */
async function checkReplaceable(target: string, shown: string): Promise<void> {
  const entry = await lstat(target).catch(() => undefined);
  if (entry === undefined) return;
  const names = entry.isDirectory() ? await readdir(target) : undefined;
  if (names && (names.length === 0 || names.includes(SUMS_FILE))) return;
  throw new BuilderError('invalid-input', `"${shown}" is there already and holds no results of altee's`, {
    hint: 'Give another folder with --out, or remove it',
  });
}

async function holdsAlready(target: string, sums: string): Promise<boolean> {
  const present = await readFile(join(target, SUMS_FILE), 'utf8').catch(() => undefined);
  return present === sums && (await verifySums(target)).length === 0;
}

async function replace(target: string, made: string): Promise<void> {
  const former = `${made}-former`;
  await removeTree(former);
  const replaced = await rename(target, former).then(
    () => true,
    () => false,
  );
  await rename(made, target);
  if (replaced) await removeTree(former);
}

async function listFiles(folder: string, sums: string): Promise<DistFile[]> {
  const lines = sums.trimEnd().split('\n');
  return Promise.all(
    lines.map(async (line) => {
      const [sha256 = '', name = ''] = line.split('  ');
      return { name, size: (await stat(join(folder, name))).size, sha256 };
    }),
  );
}
