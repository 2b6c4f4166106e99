import {
  access,
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { BuilderError } from './error.ts';
import { SUMS_FILE, verifySums, writeSums } from './image/sums.ts';
import { hasCode, ifPresent } from './store/errno.ts';
import { makeFolders } from './store/make-folders.ts';
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

/** What every results folder holds. */
const OURS = [SUMS_FILE, 'measurements.json', 'kernel.config'];

/** A results folder in the making. */
export interface DistFolder {
  path(name: string): string;
  write(name: string, content: string | Uint8Array): Promise<void>;
  copy(name: string, source: string): Promise<void>;
}

/**
 * Makes a results folder and puts it in place of the former one as a whole, or, if `fill` fails, not at all; a
 * folder that holds the same bytes stays untouched. `seal` gives files that stand beside the sums and not in them: their
 * signature. Throws what {@link checkOutDir} throws, and `disk-full`.
 */
export async function writeDist(
  outDir: string,
  fill: (folder: DistFolder) => Promise<void>,
  seal?: (sums: string) => Readonly<Record<string, Uint8Array>>,
): Promise<DistResult> {
  await checkOutDir(outDir);
  const target = resolve(outDir);
  const parent = dirname(target);
  try {
    await makeFolders(parent);
    await sweepLeftovers(parent, temporaryPrefix(target));
    const temporary = await mkdtemp(join(parent, temporaryPrefix(target)));
    try {
      // mkdtemp(3) lets nobody else in.
      await chmod(temporary, 0o755);
      await fill(distFolder(temporary));
      const sums = await writeSums(temporary);
      const seals = seal?.(sums) ?? {};
      for (const [name, bytes] of Object.entries(seals)) await writeFile(join(temporary, name), bytes);
      const files = await listFiles(temporary, sums);
      const changed = !(await holdsAlready(target, sums, seals));
      if (changed) await replace(target, temporary);
      return { outDir, files, changed };
    } finally {
      await removeTree(temporary);
    }
  } catch (error) {
    throw explain(error, outDir);
  }
}

/**
 * Throws `invalid-input` where `outDir` is there and isn't a results folder of altee's, or can't be written. An empty
 * folder or one with altee's files may be replaced; anything else, downloads with `SHA256SUMS` too, may be
 * somebody's work.
 */
export async function checkOutDir(outDir: string): Promise<void> {
  const target = resolve(outDir);
  try {
    const entry = await ifPresent(lstat(target));
    const names = entry?.isDirectory() ? await readdir(target) : undefined;
    if (entry && !(names && (names.length === 0 || OURS.every((name) => names.includes(name))))) {
      throw new BuilderError(
        'invalid-input',
        `"${outDir}" is there already and holds no results of altee's`,
        {
          hint: 'Give another folder with --out, or remove it',
        },
      );
    }
    await access(await firstPresent(dirname(target)), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw explain(error, outDir);
  }
}

/**
 * `dist/<name>` in the manifest's folder. Throws `invalid-input` where `dist` is a link that leads out of it: a
 * project of a stranger must not choose among the user's folders.
 */
export async function defaultOutDir(project: string, name: string): Promise<string> {
  const dist = join(project, 'dist');
  const real = (await ifPresent(lstat(dist)))?.isSymbolicLink() ? await ifPresent(realpath(dist)) : dist;
  if (real !== dist && !real?.startsWith((await realpath(project)) + sep)) {
    throw new BuilderError('invalid-input', `"${dist}" is a link that leads out of the manifest's folder`, {
      hint: 'Remove it; "altee build --out" writes to another place',
    });
  }
  return join(dist, name);
}

/** The nearest folder that exists, below which the others would be made. */
async function firstPresent(folder: string): Promise<string> {
  if ((await ifPresent(lstat(folder))) !== undefined || folder === dirname(folder)) return folder;
  return firstPresent(dirname(folder));
}

function explain(error: unknown, outDir: string): unknown {
  if (error instanceof BuilderError || !(error instanceof Error && 'syscall' in error)) return error;
  const hint = 'Give another folder with --out';
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) {
    return new BuilderError('disk-full', `Cannot write "${outDir}": no space left on the disk`, {
      hint: `Free some space. ${hint}, if another disk has more`,
      cause: error,
    });
  }
  return new BuilderError('invalid-input', `Cannot write "${outDir}": ${error.message}`, {
    hint,
    cause: error,
  });
}

/** What the names of folders in the making begin with; hidden, beside the target, so that a rename suffices. */
function temporaryPrefix(target: string): string {
  return `.${basename(target)}.tmp-`;
}

/** Far longer than the making takes; whose maker that is was killed. */
const LEFTOVER_AGE_MS = 3_600_000;

async function sweepLeftovers(parent: string, prefix: string): Promise<void> {
  for (const name of (await readdir(parent)).filter((one) => one.startsWith(prefix))) {
    const found = await ifPresent(lstat(join(parent, name)));
    if (found && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS) await removeTree(join(parent, name));
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

async function holdsAlready(
  target: string,
  sums: string,
  seals: Readonly<Record<string, Uint8Array>>,
): Promise<boolean> {
  try {
    for (const [name, bytes] of Object.entries(seals)) {
      if (!(await readFile(join(target, name))).equals(bytes)) return false;
    }
    const differences = (await verifySums(target)).filter(({ path }) => !Object.hasOwn(seals, path));
    return (await readFile(join(target, SUMS_FILE), 'utf8')) === sums && differences.length === 0;
  } catch {
    // Not whole, or another altee replaces it right now.
    return false;
  }
}

async function replace(target: string, made: string): Promise<void> {
  const former = `${made}-former`;
  try {
    // A folder with content can't be renamed onto: another altee that writes here may have been faster.
    for (let placed = false; !placed; ) {
      await removeTree(former);
      await ifPresent(rename(target, former));
      placed = await rename(made, target).then(
        () => true,
        (error: unknown) => {
          if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
          return false;
        },
      );
    }
  } finally {
    await removeTree(former);
  }
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
