import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  link,
  lstat,
  mkdir,
  readFile,
  readlink,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Lock } from '@altee/manifest';
import { parseListing } from '../root/listing.ts';
import { rootKey } from '../root/root-digest.ts';
import { LockedRoots } from '../roots.ts';
import { hasCode, ifPresent } from '../store/errno.ts';
import { Store } from '../store/store.ts';
import { fetchAll, openWorkshop, type Workshop, type WorkshopOptions } from '../workshop.ts';

/** A store of an audit's own that holds what is fetched and nothing that was built, and the lock's roots in it. */
export interface AuditInputs {
  readonly workshop: Workshop;
  readonly roots: LockedRoots;
}

/**
 * Fills the store `dir` with every input of the lock. Files and roots that the user's store has are taken from there only
 * after each byte was hashed again and found to be what the lock says; the rest is fetched. Nothing that was built is taken.
 */
export async function prepareInputs(
  options: WorkshopOptions,
  lock: Lock,
  dir: string,
  owner: number | undefined,
): Promise<AuditInputs> {
  const own = await Store.open(options.storeDir);
  const task = options.reporter.start('Check the inputs');
  const workshop = await openWorkshop({ ...options, storeDir: dir }, lock);
  const { store } = workshop;
  const { name, line: _line, version: _version, ...file } = lock.kernel;
  const names = Object.keys(lock.roots);
  let done = 0;
  for (const root of names) {
    options.signal?.throwIfAborted();
    await takeRoot(own, store, root, lock);
    task.progress(++done, names.length + 1);
  }
  const roots = new LockedRoots(lock, workshop);
  for (const wanted of [{ name, file }, ...(await roots.packagesToFetch(names))]) {
    if (!(await own.hasFile(wanted.file.sha256, wanted.file.size))) continue;
    // A damaged one is fetched anew.
    await store
      .addFile(wanted.file.sha256, wanted.file.size, (path) =>
        copyFile(own.filePath(wanted.file.sha256), path, constants.COPYFILE_FICLONE),
      )
      .catch(ignoreCorruption);
  }
  task.done();
  await fetchAll(workshop, [{ name, file }], `Fetch linux ${lock.kernel.version}`);
  for (const root of names) await roots.get(root);
  if (owner !== undefined) await giveRecords(dir, owner, lock);
  return { workshop, roots };
}

function ignoreCorruption(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'digest-mismatch')) throw error;
}

/** Takes a root whose every file is as the listing says, and whose listing is the one that the lock names. */
async function takeRoot(from: Store, to: Store, name: string, lock: Lock): Promise<void> {
  const locked = lock.roots[name];
  if (!locked) return;
  const key = rootKey(locked.packages.map((one) => lock.packages[one]?.sha256 ?? ''));
  const tree = await from.tree('root', key);
  if (tree === undefined) return;
  const text = await ifPresent(readFile(join(tree, 'listing'), 'utf8'));
  if (text === undefined || `sha256:${createHash('sha256').update(text).digest('hex')}` !== locked.digest)
    return;
  try {
    await to.addTree('root', key, async (made) => {
      await copyListed(join(tree, 'files'), join(made, 'files'), text);
      await writeFile(join(made, 'listing'), text);
      await writeFile(join(made, 'digest'), locked.digest);
      return 0;
    });
  } catch (error) {
    // It is unpacked anew.
    if (!(error instanceof Mismatch) && !hasCode(error, 'ENOENT', 'EINVAL', 'EISDIR', 'ENOTDIR')) throw error;
  }
}

class Mismatch extends Error {}

/** Copies by hard link where that is possible, and hashes what came out: what the listing lacks is not taken along. */
async function copyListed(from: string, to: string, listing: string): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  for (const entry of parseListing(listing, 'listing')) {
    const [source, target] = [join(from, entry.path), join(to, entry.path)];
    if (entry.type === 'directory') {
      await mkdir(target, { recursive: true, mode: Number.parseInt(entry.mode, 8) });
      continue;
    }
    await mkdir(dirname(target), { recursive: true });
    if (entry.type === 'symlink') {
      if ((await readlink(source)) !== entry.target) throw new Mismatch();
      await symlink(entry.target, target);
      continue;
    }
    const found = await lstat(source);
    const mode = Number.parseInt(entry.mode, 8);
    if (!found.isFile() || found.size !== entry.size) throw new Mismatch();
    // What else shares the file may have made it read-only, which a step can see.
    const isLinked = (found.mode & 0o7777) === mode && (await tryLink(source, target));
    if (!isLinked) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, mode);
    }
    // Tens of thousands of small files: synchronous reading is many times faster.
    if (createHash('sha256').update(readFileSync(target)).digest('hex') !== entry.sha256)
      throw new Mismatch();
  }
}

async function tryLink(source: string, target: string): Promise<boolean> {
  return link(source, target).then(
    () => true,
    (error: unknown) => {
      if (!hasCode(error, 'EXDEV', 'EPERM', 'EMLINK')) throw error;
      return false;
    },
  );
}

/** The records of inputs become the other user's, who marks them as used; roots stay ours, and read-only. */
async function giveRecords(dir: string, owner: number, lock: Lock): Promise<void> {
  const keys = Object.values(lock.roots).map(({ packages }) =>
    rootKey(packages.map((one) => lock.packages[one]?.sha256 ?? '')),
  );
  const files = [lock.kernel.sha256, ...Object.values(lock.packages).map(({ sha256 }) => sha256)];
  const store = await Store.open(dir);
  for (const path of [
    ...keys.map((key) => join(dir, 'trees/root', `${key}.json`)),
    ...files.map((sha256) => store.filePath(sha256)),
  ]) {
    await ifPresent(chown(path, owner, owner));
  }
}

/** An empty store of a rebuild's own that shares nothing but these inputs. */
export async function rebuildStore(dir: string, inputs: Store): Promise<void> {
  await mkdir(join(dir, 'trees/output'), { recursive: true });
  for (const shared of ['files', 'trees/root', 'trees/unpacked']) {
    await symlink(join(inputs.dir, shared), join(dir, shared));
  }
}

/** Copies an output of the user's store, with its record; `withoutContent` where later steps need its digest alone. */
export async function copyOutput(
  from: string,
  dir: string,
  key: string,
  withoutContent: boolean,
): Promise<void> {
  const [tree, to] = [join(from, 'trees/output', key), join(dir, 'trees/output', key)];
  await mkdir(join(to, 'out'), { recursive: true });
  await copyFile(`${tree}.json`, `${to}.json`);
  await copyFile(join(tree, 'digest'), join(to, 'digest'));
  if (!withoutContent) await cp(join(tree, 'out'), join(to, 'out'), { recursive: true });
}
