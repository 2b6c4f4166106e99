import { mkdir, mkdtemp, open, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BuilderError } from '../error.ts';
import { checkKey, hexOf, type StoreEntry, type TreeKind, treeKinds } from './entry.ts';
import { explainDiskFull, hasCode, ifPresent } from './errno.ts';
import { hashFile } from './hash-file.ts';
import { Leases } from './leases.ts';
import { type LockPlace, withLock } from './lock.ts';
import { makeFolders } from './make-folders.ts';
import { ownFolder, sweepDeadFolders, WORK_PREFIX } from './own-folder.ts';
import { removeTree } from './remove-tree.ts';
import { type PruneOptions, selectForPruning } from './select-for-pruning.ts';
import { defaultStoreDir } from './store-dir.ts';
import { treeSize } from './tree-size.ts';

/** A folder that is gone when it is disposed of, or with the process. */
export interface TempDir {
  readonly path: string;
  dispose(): Promise<void>;
}

export interface AddTreeOptions {
  /** It was made on another machine: see {@link Store.isImported}. */
  readonly imported?: boolean;
}

/** What stands beside a tree. */
interface TreeRecord {
  readonly size: number;
  readonly created: string;
  readonly imported?: boolean;
}

/** A file whose content is not what its name says. */
export interface CorruptFile {
  readonly path: string;
  readonly sha256: string;
  readonly actualSha256: string;
}

/**
 * The content-addressed store: `files/sha256/<aa>/<hex>` for inputs, `trees/{unpacked,root,output}/<key>` for
 * folders, each with `<key>.json` beside it (size, time of entry; its modification time is the last use),
 * `partial/` for downloads to resume, `locks/`, and `tmp/` with a folder for each process.
 *
 * Every entry is made in `tmp/` and enters by one rename, so that it is there as a whole or not at all, whenever
 * a process is killed. Two processes may use one store at once: for each key one works, the other waits and takes
 * its result.
 *
 * Files are on the disk before they get their name; trees of thousands of files are not waited for, so a loss of
 * power can cost the trees that entered in the minute before.
 */
export class Store {
  readonly dir: string;
  readonly #place: LockPlace;
  readonly #leases: Leases;
  readonly #making = new Map<string, Promise<string>>();

  private constructor(dir: string) {
    this.dir = dir;
    const tmpDir = join(dir, 'tmp');
    this.#place = { locksDir: join(dir, 'locks'), tmpDir, ownDir: ownFolder(tmpDir) };
    this.#leases = new Leases(this.#place);
  }

  /** Opens or makes the store, and removes what killed processes left. Throws `invalid-input` if it is not writable. */
  static async open(folder: string = defaultStoreDir()): Promise<Store> {
    // Programs that run elsewhere get paths from here.
    const dir = resolve(folder);
    try {
      const folders = [
        'files/sha256',
        'locks',
        'partial',
        'tmp',
        ...treeKinds.map((kind) => `trees/${kind}`),
      ];
      await makeFolders(dir);
      for (const folder of folders) await mkdir(join(dir, folder), { recursive: true });
      const store = new Store(dir);
      await sweepDeadFolders(store.#place.tmpDir);
      return store;
    } catch (error) {
      // Node's mkdir says ENOENT for a read-only file system.
      if (!hasCode(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT'))
        throw explainDiskFull(error, dir);
      const reason = error instanceof Error ? error.message : String(error);
      throw new BuilderError('invalid-input', `Cannot use "${dir}" as the store: ${reason}`, {
        hint: 'Let ALTEE_CACHE name a folder that you can write to',
        cause: error,
      });
    }
  }

  /** Where the file of that digest (`sha256:<hex>`) is or would be. */
  filePath(sha256: string): string {
    const hex = hexOf(sha256);
    return join(this.dir, 'files', 'sha256', hex.slice(0, 2), hex);
  }

  /**
   * Whether the file is there, with `size` bytes if that is given; if so it is marked as used, and stays while this
   * process lives.
   */
  async hasFile(sha256: string, size?: number): Promise<boolean> {
    await this.#leases.lease([leaseOf('file', hexOf(sha256))]);
    return this.#presentFile(this.filePath(sha256), size);
  }

  /**
   * The path of the file of that digest and size (bytes). If it is missing, `write` has to write it to the path
   * that it is given; it enters the store only if size and digest are right, else `digest-mismatch` is thrown.
   */
  async addFile(sha256: string, size: number, write: (tmpPath: string) => Promise<void>): Promise<string> {
    const hex = hexOf(sha256);
    const path = this.filePath(sha256);
    return this.#once('file', hex, async () => {
      if (await this.#presentFile(path, size)) return path;
      const temp = await this.tempDir();
      try {
        const tmpPath = join(temp.path, hex);
        await write(tmpPath);
        const actual = await hashFile(tmpPath);
        if (actual.sha256 !== `sha256:${hex}` || actual.size !== size) {
          throw new BuilderError('digest-mismatch', `Content for the store is not what was asked for`, {
            details: [`wanted: ${size} bytes, sha256:${hex}`, `got: ${actual.size} bytes, ${actual.sha256}`],
          });
        }
        await settle(tmpPath);
        await mkdir(dirname(path), { recursive: true });
        await rename(tmpPath, path);
        return path;
      } finally {
        await temp.dispose();
      }
    });
  }

  /** The path of the tree if it is there; marks it as used: it stays while this process lives. */
  async tree(kind: TreeKind, key: string): Promise<string | undefined> {
    await this.#leases.lease([leaseOf(kind, checkKey(key))]);
    return this.#presentTree(kind, key);
  }

  /**
   * The path of the tree of that key. If it is missing, `make` fills the empty folder that it is given; the
   * folder enters the store when `make` is done, and vanishes if `make` fails. At any time one process makes
   * a key; another that wants it waits. A number that `make` gives is
   * the size to list (bytes).
   */
  async addTree(
    kind: TreeKind,
    key: string,
    make: (tmpDir: string) => Promise<unknown>,
    { imported = false }: AddTreeOptions = {},
  ): Promise<string> {
    checkKey(key);
    return this.#once(kind, key, async () => {
      const present = await this.#presentTree(kind, key);
      if (present !== undefined) return present;
      const temp = await this.tempDir();
      try {
        const made = join(temp.path, 'tree');
        await mkdir(made, { mode: 0o755 });
        const told = await make(made);
        const size = typeof told === 'number' ? told : treeSize(made);
        const record = join(temp.path, 'record');
        const facts = { size, created: new Date().toISOString(), ...(imported ? { imported } : {}) };
        await writeFile(record, `${JSON.stringify(facts)}\n`);
        // The record first: a tree that is there always has one.
        await rename(record, this.#recordPath(kind, key));
        await rename(made, this.#treePath(kind, key));
        return this.#treePath(kind, key);
      } finally {
        await temp.dispose();
      }
    });
  }

  /**
   * Whether the tree was made on another machine and brought in by `altee cache import`: nobody here knows that it is
   * what its key stands for. False where there is no such tree.
   */
  async isImported(kind: TreeKind, key: string): Promise<boolean> {
    const record = await this.#readRecord(kind, checkKey(key));
    return record?.imported === true;
  }

  /** The trees of a kind that were asked for through this store, by key; whether they are there or not. */
  askedFor(kind: TreeKind): string[] {
    const prefix = leaseOf(kind, '');
    return this.#leases
      .held()
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  /** An empty folder on the store's file system, to be moved from by rename. */
  async tempDir(): Promise<TempDir> {
    try {
      const path = await mkdtemp(join(this.#place.ownDir, WORK_PREFIX));
      return { path, dispose: () => removeTree(path) };
    } catch (error) {
      throw explainDiskFull(error, this.dir);
    }
  }

  /** Where a download of that digest is kept until it is complete; to be used inside {@link addFile} only. */
  partialPath(sha256: string): string {
    return join(this.dir, 'partial', hexOf(sha256));
  }

  /** Everything in the store, least recently used first. */
  async list(): Promise<StoreEntry[]> {
    return this.#list(await this.#leases.inUse());
  }

  /**
   * Removes entries that are not in use and gives what it removed (with `dryRun`: would remove), least recently
   * used first.
   */
  async prune(options: PruneOptions & { dryRun?: boolean }): Promise<readonly StoreEntry[]> {
    const temp = await this.tempDir();
    try {
      return await this.#leases.whileFixed(async (inUse) => {
        const chosen = selectForPruning(await this.#list(inUse), options, new Date());
        if (options.dryRun) return chosen;
        for (const [index, entry] of chosen.entries()) {
          // Out of the store at once and as a whole; the long removal comes after the lock.
          await ifPresent(rename(entry.path, join(temp.path, String(index))));
          if (isTree(entry)) await removeTree(this.#recordPath(entry.kind, entry.key));
        }
        return chosen;
      });
    } finally {
      await temp.dispose();
    }
  }

  /** Hashes every file again and removes those that are not what their name says; gives what it removed. */
  async verify(onProgress: (done: number, total: number) => void = () => {}): Promise<CorruptFile[]> {
    const files = (await this.list()).filter(({ kind }) => kind === 'file');
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const corrupt: CorruptFile[] = [];
    let done = 0;
    for (const { path, key, size } of files) {
      const actual = await ifPresent(hashFile(path));
      if (actual !== undefined && actual.sha256 !== `sha256:${key}`) {
        corrupt.push({ path, sha256: `sha256:${key}`, actualSha256: actual.sha256 });
        await removeTree(path);
      }
      done += size;
      onProgress(done, total);
    }
    return corrupt;
  }

  /** Runs `enter` once for callers in this process, alone among processes, with the entry leased. */
  async #once(kind: StoreEntry['kind'], key: string, enter: () => Promise<string>): Promise<string> {
    const name = leaseOf(kind, key);
    const running = this.#making.get(name);
    if (running !== undefined) return running;
    const entering = (async () => {
      await this.#leases.lease([name]);
      return withLock(this.#place, name, enter);
    })().catch((error: unknown) => {
      throw explainDiskFull(error, this.dir);
    });
    this.#making.set(name, entering);
    try {
      return await entering;
    } finally {
      this.#making.delete(name);
    }
  }

  async #presentFile(path: string, size: number | undefined): Promise<boolean> {
    const found = await ifPresent(stat(path));
    if (found === undefined || (size !== undefined && found.size !== size)) return false;
    return markUsed(path);
  }

  async #presentTree(kind: TreeKind, key: string): Promise<string | undefined> {
    const path = this.#treePath(kind, key);
    if ((await ifPresent(stat(path))) === undefined) return undefined;
    await markUsed(this.#recordPath(kind, key));
    return path;
  }

  async #list(inUse: ReadonlySet<string>): Promise<StoreEntry[]> {
    const entries: StoreEntry[] = [];
    const files = join(this.dir, 'files', 'sha256');
    for (const group of await readdir(files)) {
      for (const name of await readdir(join(files, group))) {
        entries.push(...(await this.#fileEntry('file', join(files, group, name), inUse)));
      }
    }
    for (const name of await readdir(join(this.dir, 'partial'))) {
      entries.push(...(await this.#fileEntry('partial', join(this.dir, 'partial', name), inUse)));
    }
    for (const kind of treeKinds) {
      const names = new Set(await readdir(join(this.dir, 'trees', kind)));
      for (const key of [...names].filter((name) => names.has(`${name}.json`))) {
        entries.push(...(await this.#treeEntry(kind, key, inUse)));
      }
    }
    return entries.sort((a, b) => a.used.getTime() - b.used.getTime());
  }

  async #fileEntry(
    kind: 'file' | 'partial',
    path: string,
    inUse: ReadonlySet<string>,
  ): Promise<StoreEntry[]> {
    const found = await ifPresent(stat(path));
    if (found === undefined) return [];
    const key = basename(path);
    const { size, birthtime: created, mtime: used } = found;
    return [{ kind, key, path, size, created, used, inUse: inUse.has(leaseOf('file', key)) }];
  }

  async #treeEntry(kind: TreeKind, key: string, inUse: ReadonlySet<string>): Promise<StoreEntry[]> {
    const recordPath = this.#recordPath(kind, key);
    const [record, found] = await Promise.all([this.#readRecord(kind, key), ifPresent(stat(recordPath))]);
    if (record === undefined || found === undefined) return [];
    const { size, created, imported = false } = record;
    const path = this.#treePath(kind, key);
    const leased = inUse.has(leaseOf(kind, key));
    const entry = { kind, key, path, size, created: new Date(created), used: found.mtime, inUse: leased };
    return [imported ? { ...entry, imported } : entry];
  }

  async #readRecord(kind: TreeKind, key: string): Promise<TreeRecord | undefined> {
    const text = await ifPresent(readFile(this.#recordPath(kind, key), 'utf8'));
    return text === undefined ? undefined : (JSON.parse(text) as TreeRecord);
  }

  #treePath(kind: TreeKind, key: string): string {
    return join(this.dir, 'trees', kind, key);
  }

  #recordPath(kind: TreeKind, key: string): string {
    return join(this.dir, 'trees', kind, `${key}.json`);
  }
}

/** The name of an entry's lock and lease. */
function leaseOf(kind: StoreEntry['kind'], key: string): string {
  return `${kind}-${key}`;
}

function isTree(entry: StoreEntry): entry is StoreEntry & { kind: TreeKind } {
  return entry.kind !== 'file' && entry.kind !== 'partial';
}

/** Sets the time of the last use; false if the file is not there. */
async function markUsed(path: string): Promise<boolean> {
  const now = new Date();
  return (await ifPresent(utimes(path, now, now).then(() => true))) ?? false;
}

/** Read-only, and on the disk before it gets its name. */
async function settle(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.chmod(0o444);
    await file.sync();
  } finally {
    await file.close();
  }
}
