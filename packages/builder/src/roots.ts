import type { Lock } from '@altee/manifest';
import { BuilderError } from './error.ts';
import type { Root } from './executor/executor.ts';
import { assembleRoot, readRoot } from './root/assemble-root.ts';
import { rootKey } from './root/root-digest.ts';
import { XZ_PACKAGE_NAMES } from './root/xz-packages.ts';
import { fetchAll, type WantedFile, type Workshop } from './workshop.ts';

/** The lock's roots, each fetched and assembled when it is first asked for, and checked against the lock. */
export class LockedRoots {
  readonly #lock: Lock;
  readonly #workshop: Workshop;
  readonly #ready = new Map<string, Promise<Root>>();

  constructor(lock: Lock, workshop: Workshop) {
    this.#lock = lock;
    this.#workshop = workshop;
  }

  /**
   * The root of that name. Throws `digest-mismatch` where the packages give another root than the lock says,
   * besides everything that fetching and unpacking throw.
   */
  get(name: string): Promise<Root> {
    let root = this.#ready.get(name);
    if (!root) {
      root = this.#assemble(name);
      this.#ready.set(name, root);
    }
    return root;
  }

  /** The packages that the roots of these names are made of, but for those roots that the store has already. */
  async packagesToFetch(names: readonly string[]): Promise<WantedFile[]> {
    const wanted = new Map<string, WantedFile>();
    for (const name of names) {
      const { packages } = this.#locked(name);
      if ((await this.#present(packages)) !== undefined) continue;
      for (const file of [...packages, ...this.#decoders(packages)]) wanted.set(file.name, file);
    }
    return [...wanted.values()];
  }

  #locked(name: string): { digest: string; packages: readonly WantedFile[] } {
    const locked = this.#lock.roots[name];
    if (!locked) throw new BuilderError('lock-invalid', `The lock has no root "${name}"`);
    const packages = locked.packages.map((packageName) => {
      const file = this.#lock.packages[packageName];
      if (!file)
        throw new BuilderError('lock-invalid', `Root "${name}" names "${packageName}", which the lock lacks`);
      return { name: packageName, file };
    });
    return { digest: locked.digest, packages };
  }

  #present(packages: readonly WantedFile[]): Promise<Root | undefined> {
    return readRoot(this.#workshop.store, rootKey(packages.map(({ file }) => file.sha256)));
  }

  async #assemble(name: string): Promise<Root> {
    const locked = this.#locked(name);
    const root = (await this.#present(locked.packages)) ?? (await this.#unpack(name, locked.packages));
    if (root.digest !== locked.digest) {
      throw new BuilderError('digest-mismatch', `Root "${name}" is not what the lock says`, {
        details: [`lock: ${locked.digest}`, `here: ${root.digest}`],
        hint: 'Its packages are verified, so the lock was edited or made by another altee: run "altee lock"',
      });
    }
    return root;
  }

  async #unpack(name: string, packages: readonly WantedFile[]): Promise<Root> {
    const { store, reporter } = this.#workshop;
    const wanted = [...packages, ...this.#decoders(packages)];
    const paths = await fetchAll(this.#workshop, wanted, `Fetch the packages of root "${name}"`);
    const unpackable = wanted.map(({ name: packageName, file }) => ({
      name: packageName,
      path: paths.get(packageName) ?? '',
      sha256: file.sha256,
    }));
    return assembleRoot(store, unpackable.slice(0, packages.length), {
      reporter,
      title: `Unpack root "${name}"`,
      helpers: unpackable.slice(packages.length),
    });
  }

  /** The lock's own xz, which unpacks the other packages faster than JavaScript does. */
  #decoders(packages: readonly WantedFile[]): WantedFile[] {
    const present = new Set(packages.map(({ name }) => name));
    return XZ_PACKAGE_NAMES.filter((name) => !present.has(name)).flatMap((name) => {
      const file = this.#lock.packages[name];
      return file ? [{ name, file }] : [];
    });
  }
}
