import { readFile } from 'node:fs/promises';
import type { Root } from '../../packages/builder/src/executor/executor.ts';
import { silentReporter } from '../../packages/builder/src/report.ts';
import { assembleRoot } from '../../packages/builder/src/root/assemble-root.ts';
import { resolveInRoot } from '../../packages/builder/src/root/resolve-in-root.ts';
import { unpackAll } from '../../packages/builder/src/root/unpack-all.ts';
import { fetchAll, openWorkshop, type Workshop } from '../../packages/builder/src/workshop.ts';
import { type MatrixLock, readMatrixLock } from './lock.ts';
import type { PackageName, RootName } from './packages.ts';

/** What the matrix boots with, fetched and unpacked when it is first asked for. */
export class Ingredients {
  readonly workshop: Workshop;
  readonly #lock: MatrixLock;
  readonly #ready = new Map<string, Promise<string>>();

  private constructor(lock: MatrixLock, workshop: Workshop) {
    this.#lock = lock;
    this.workshop = workshop;
  }

  static async open(): Promise<Ingredients> {
    const options = { reporter: silentReporter, offline: false, vendorDirs: [] };
    return new Ingredients(await readMatrixLock(), await openWorkshop(options));
  }

  /** A root with a virtual machine monitor, or with tools. */
  async root(name: RootName): Promise<Root> {
    const { digest } = this.#lockedRoot(name);
    return { digest, path: await this.#once(name, () => this.#assemble(name)) };
  }

  /** The version of QEMU in a root, as QEMU says it: `10.0.13`. */
  qemuVersion(name: RootName): string {
    const debian = this.#lockedRoot(name).packages['qemu-system-x86']?.version ?? '';
    // What Debian packages as 7.2 with a stable series' patches says so itself in its third number.
    return /^(?:\d+:)?(\d+(?:\.\d+)+)/.exec(debian)?.[1] ?? '';
  }

  /** The path of a file of a package. */
  async file(name: PackageName, path: string): Promise<string> {
    return resolveInRoot(await this.#once(name, () => this.#unpack(name)), path);
  }

  async bytes(name: PackageName, path: string): Promise<Uint8Array> {
    return new Uint8Array(await readFile(await this.file(name, path)));
  }

  /** What is used, by name: Debian's packages with their versions. */
  versions(): [name: string, packages: string][] {
    const roots = Object.entries(this.#lock.roots).flatMap(([name, { packages }]): [string, string][] => {
      const shown = ['qemu-system-x86', 'swtpm'].filter((each) => packages[each]);
      if (shown.length === 0) return [];
      return [[name, shown.map((each) => `${each} ${packages[each]?.version}`).join(', ')]];
    });
    const single = Object.entries(this.#lock.packages).map(([name, locked]): [string, string] => [
      name,
      `${locked.name} ${locked.version}`,
    ]);
    return [...roots, ...single];
  }

  #lockedRoot(name: RootName) {
    const locked = this.#lock.roots[name];
    if (!locked) throw new Error(`test/matrix/matrix.lock.json has no root "${name}"`);
    return locked;
  }

  async #once(name: string, make: () => Promise<string>): Promise<string> {
    const ready = this.#ready.get(name) ?? make();
    this.#ready.set(name, ready);
    return ready;
  }

  async #assemble(name: RootName): Promise<string> {
    const locked = this.#lockedRoot(name);
    const files = Object.entries(locked.packages).map(([each, file]) => ({ name: each, file }));
    const paths = await fetchAll(this.workshop, files, `Fetch ${name}`);
    const packages = files.map(({ name: each, file }) => ({
      name: each,
      sha256: file.sha256,
      path: paths.get(each) ?? '',
    }));
    const root = await assembleRoot(this.workshop.store, packages, this.workshop);
    if (root.digest !== locked.digest)
      throw new Error(`Root "${name}" is ${root.digest}, locked ${locked.digest}`);
    return root.path;
  }

  async #unpack(name: PackageName): Promise<string> {
    const file = this.#lock.packages[name];
    if (!file) throw new Error(`test/matrix/matrix.lock.json has no package "${name}"`);
    const xz = Object.entries(this.#lockedRoot('qemu-10.0').packages)
      .filter(([each]) => ['libc6', 'liblzma5', 'xz-utils'].includes(each))
      .map(([each, locked]) => ({ name: each, file: locked }));
    const wanted = [{ name: file.name, file }, ...xz];
    const paths = await fetchAll(this.workshop, wanted, `Fetch ${name}`);
    const packages = wanted.map(({ name: each, file: { sha256 } }) => ({
      name: each,
      sha256,
      path: paths.get(each) ?? '',
    }));
    const [unpacked] = await unpackAll(this.workshop.store, packages.slice(0, 1), {
      ...this.workshop,
      helpers: packages.slice(1),
    });
    return unpacked?.path ?? '';
  }
}
