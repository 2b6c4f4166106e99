import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readlink,
  realpath,
  symlink,
} from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { BuilderError } from '../error.ts';
import { SOURCE_DATE_EPOCH } from '../executor/environment.ts';
import type { StepInput } from '../executor/executor.ts';
import { hashFile } from '../store/hash-file.ts';
import type { Store } from '../store/store.ts';

/** Never part of a source, wherever they are: history, and what a package manager fetched. */
const NEVER: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules']);
/** What altee itself leaves beside a manifest. */
const NEVER_AT_TOP: ReadonlySet<string> = new Set(['dist', '.altee']);

/** Sources are text: whoever passes these bounds has pointed at the wrong folder. */
const MAX_BYTES = 2 ** 30;
const MAX_ENTRIES = 100_000;

interface SourceEntry {
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'executable' | 'link';
  /** SHA-256 of a file, target of a link. */
  readonly content: string;
}

/**
 * A source folder as a step's input: a copy in the store with normalised modes and times, without version control,
 * `node_modules`, altee's own `dist` and `.altee`, and what `leaveOut` names (paths relative to the folder). Its
 * digest covers names, whether a file may be run, link targets and contents; not owners, times, umask or where the
 * folder is.
 *
 * Throws `app-unusable` for links that leave the folder or lead nowhere, special files, names that aren't UTF-8, a
 * folder that changes meanwhile and one above 1 GiB or 100,000 entries; `invalid-input` for what can't be read.
 */
export async function sourceTree(
  store: Store,
  folder: string,
  leaveOut: (path: string) => boolean = () => false,
): Promise<StepInput> {
  const entries = await listSource(folder, leaveOut);
  const digest = createHash('sha256');
  for (const { kind, path, content } of entries) {
    digest.update(`${kind} ${JSON.stringify(path)} ${JSON.stringify(content)}\n`);
  }
  const hex = digest.digest('hex');
  const tree = await store.addTree('output', `source-${hex}`, (made) =>
    copySource(folder, entries, join(made, 'out')),
  );
  return { path: join(tree, 'out'), digest: `sha256:${hex}` };
}

/** The entries, parents before children, in code unit order of the names of each folder. */
async function listSource(folder: string, leaveOut: (path: string) => boolean): Promise<SourceEntry[]> {
  const entries: SourceEntry[] = [];
  let bytes = 0;
  await visit('');
  return entries;

  async function visit(parent: string): Promise<void> {
    for (const name of (await readable(folder, parent, () => readdir(join(folder, parent)))).sort()) {
      const path = parent === '' ? name : `${parent}/${name}`;
      if (NEVER.has(name) || (parent === '' && NEVER_AT_TOP.has(name)) || leaveOut(path)) continue;
      // Node shows bytes that aren't UTF-8 as this character.
      if (name.includes('\ufffd')) throw unusable(folder, path, 'its name is not UTF-8');
      const stat = await lstat(join(folder, path));
      if (stat.isFile()) bytes += stat.size;
      if (bytes > MAX_BYTES) throw unusable(folder, path, 'the folder holds more than 1 GiB');
      entries.push(await describeEntry(folder, path, stat));
      if (entries.length > MAX_ENTRIES) {
        throw unusable(folder, path, `the folder holds more than ${MAX_ENTRIES} entries`);
      }
      if (stat.isDirectory()) await visit(path);
    }
  }
}

async function describeEntry(
  folder: string,
  path: string,
  stat: Awaited<ReturnType<typeof lstat>>,
): Promise<SourceEntry> {
  if (stat.isDirectory()) return { path, kind: 'directory', content: '' };
  if (stat.isSymbolicLink()) return { path, kind: 'link', content: await linkTarget(folder, path) };
  if (!stat.isFile()) throw unusable(folder, path, 'it is neither a file, a folder nor a symbolic link');
  const { sha256 } = await readable(folder, path, () => hashFile(join(folder, path)));
  return { path, kind: (Number(stat.mode) & 0o100) === 0 ? 'file' : 'executable', content: sha256 };
}

/** A relative target inside the folder: by its real path, since a `..` after another link means that one's parent. */
async function linkTarget(folder: string, path: string): Promise<string> {
  const target = await readlink(join(folder, path));
  if (isAbsolute(target)) throw unusable(folder, path, `it links to the absolute path "${target}"`);
  const real = await realpath(join(folder, path)).catch(() => undefined);
  if (real === undefined) throw unusable(folder, path, `it links to "${target}", where nothing is`);
  const root = await realpath(folder);
  if (real !== root && !real.startsWith(root + sep)) {
    throw unusable(folder, path, `it links to "${target}", which is outside of the folder`);
  }
  return target;
}

async function copySource(folder: string, entries: readonly SourceEntry[], to: string): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  for (const { path, kind, content } of entries) {
    const target = join(to, path);
    if (kind === 'directory') {
      await mkdir(target);
    } else if (kind === 'link') {
      await symlink(content, target);
    } else {
      await copyFile(join(folder, path), target);
      if ((await hashFile(target)).sha256 !== content)
        throw unusable(folder, path, 'it changed while it was read');
    }
    if (kind !== 'link') await chmod(target, kind === 'file' ? 0o644 : 0o755);
  }
  // Times last, children first: one time for all, so that make never takes an older file for a newer one.
  for (const { path } of entries.toReversed()) await setTime(join(to, path));
  await setTime(to);
}

function setTime(path: string): Promise<void> {
  return lutimes(path, Number(SOURCE_DATE_EPOCH), Number(SOURCE_DATE_EPOCH));
}

async function readable<T>(folder: string, path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const what = path === '' ? `the source folder "${folder}"` : `"${path}" of the source folder "${folder}"`;
    throw new BuilderError('invalid-input', `Cannot read ${what} (${code})`, {
      hint: 'Correct "app.build.source" in the manifest, or the permissions of its files',
      cause,
    });
  }
}

function unusable(folder: string, path: string, why: string): BuilderError {
  return new BuilderError('app-unusable', `Cannot use "${path}" of the source folder "${folder}": ${why}`, {
    hint: 'Leave it out of the folder, or let "app.build.source" name a folder without it',
  });
}
