import { createHash } from 'node:crypto';
import { lstat, lutimes, mkdir, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../../error.ts';
import { ifPresent } from '../../store/errno.ts';
import { nixFailure } from './diagnose-nix.ts';
import { runNix } from './run-nix.ts';

/** Roots and inputs that no step has used for so long may be collected by Nix. */
const KEEP_DAYS = 30;

export interface NixStoreOptions {
  /** Where links to what was added are kept: they spare adding it again, and are Nix's garbage collector roots. */
  readonly linksDir: string;
  /** `--option` arguments of every Nix command. */
  readonly nixOptions: readonly string[];
  /** Whether each path's bytes are compared with Nix's database before they are used. */
  readonly verify: boolean;
}

/** What of altee's store is in the Nix store. */
export class NixStore {
  readonly #options: NixStoreOptions;
  readonly #added = new Map<string, Promise<string>>();
  #swept: Promise<void> | undefined;

  constructor(options: NixStoreOptions) {
    this.#options = options;
  }

  /**
   * The store path of the file or folder at `path`, added if it is missing; `digest` names its content. The same
   * content and name give the same store path on every machine.
   */
  add(name: string, path: string, digest: string, signal?: AbortSignal): Promise<string> {
    const key = `${name}\0${digest}\0${path}`;
    let added = this.#added.get(key);
    if (added === undefined) {
      added = this.#add(name, path, digest, signal);
      this.#added.set(key, added);
      added.catch(() => this.#added.delete(key));
    }
    return added;
  }

  async #add(name: string, path: string, digest: string, signal?: AbortSignal): Promise<string> {
    const { linksDir, nixOptions } = this.#options;
    await mkdir(linksDir, { recursive: true });
    this.#swept ??= sweep(linksDir);
    await this.#swept;
    const { dev, ino } = await lstat(path);
    const key = createHash('sha256').update([name, digest, path, dev, ino].join('\0')).digest('hex');
    const link = join(linksDir, key);
    const linked = await ifPresent(readlink(link));
    if (linked !== undefined && (await this.#isValid(linked, signal))) {
      await lutimes(link, new Date(), new Date());
      return linked;
    }
    await rm(link, { force: true });
    // "nix-store --add" would name it after the file.
    const expression = `"\${builtins.path { name = ${nixString(name)}; path = /. + ${nixString(path)}; }}"`;
    const exit = await runNix(
      'nix-instantiate',
      [...nixOptions, '--read-write-mode', '--eval', '--json', '-E', expression],
      { signal },
    );
    if (exit.code !== 0) throw await nixFailure(exit.tail);
    const storePath = String(JSON.parse(exit.stdout));
    const kept = await runNix('nix-store', [...nixOptions, '--add-root', link, '--realise', storePath], {
      signal,
    });
    if (kept.code !== 0) throw await nixFailure(kept.tail);
    return storePath;
  }

  async #isValid(storePath: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { verify, nixOptions } = this.#options;
    const valid = await runNix('nix-store', [...nixOptions, '--check-validity', storePath], { signal });
    if (valid.code !== 0) return false;
    if (!verify) return true;
    const verified = await runNix('nix-store', [...nixOptions, '--verify-path', storePath], { signal });
    if (verified.code === 0) return true;
    throw new BuilderError('store-corrupt', `The Nix store's "${storePath}" is not what altee put there`, {
      hint: `Delete it: nix-store --delete --ignore-liveness ${storePath}`,
      details: verified.tail,
    });
  }
}

/** Lets Nix collect what was not used for long. */
async function sweep(linksDir: string): Promise<void> {
  const oldest = Date.now() - KEEP_DAYS * 24 * 3600 * 1000;
  for (const name of await readdir(linksDir)) {
    const link = join(linksDir, name);
    const found = await ifPresent(lstat(link));
    if (found !== undefined && found.mtimeMs < oldest) await rm(link, { force: true });
  }
}

/** A string of the Nix language. */
function nixString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('${', '\\${')}"`;
}
