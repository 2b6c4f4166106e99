import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent } from './errno.ts';
import { type LockPlace, withLock } from './lock.ts';
import { isAlive } from './process-identity.ts';

const LEASES = 'leases';

/**
 * Which entries of the store living processes use: each process keeps a list in its own folder, so that a lease
 * ends with its process. An entry is leased before its user looks whether it is there, and removed only under the
 * same lock: whoever got a path from the store keeps what is there.
 */
export class Leases {
  readonly #place: LockPlace;
  readonly #held = new Set<string>();
  readonly #waiting: string[] = [];
  #next: Promise<void> | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(place: LockPlace) {
    this.#place = place;
  }

  /** Keeps the entries of these names from being pruned until this process ends. */
  async lease(names: readonly string[]): Promise<void> {
    const fresh = names.filter((name) => !this.#held.has(name));
    if (fresh.length === 0) return;
    this.#waiting.push(...fresh);
    // All that ask in one turn, or while a list is being written, share one taking of the lock.
    this.#next ??= this.#written.catch(() => {}).then(() => this.#write());
    await this.#next;
  }

  async #write(): Promise<void> {
    const names = [...new Set(this.#waiting.splice(0))];
    this.#written = withLock(this.#place, LEASES, () =>
      appendFile(join(this.#place.ownDir, LEASES), names.map((name) => `${name}\n`).join('')),
    );
    this.#next = undefined;
    await this.#written;
    for (const name of names) this.#held.add(name);
  }

  /** Names that were leased here. */
  held(): string[] {
    return [...this.#held];
  }

  /** Names that a living process uses, this one included. */
  async inUse(): Promise<Set<string>> {
    const { tmpDir } = this.#place;
    const identities = (await readdir(tmpDir)).filter((identity) => isAlive(identity, tmpDir));
    const lists = await Promise.all(
      identities.map((identity) => ifPresent(readFile(join(tmpDir, identity, LEASES), 'utf8'))),
    );
    return new Set(lists.flatMap((list) => (list ?? '').split('\n')).filter((name) => name !== ''));
  }

  /** Runs `work` with the names in use, while nobody can lease another. */
  async whileFixed<T>(work: (inUse: ReadonlySet<string>) => Promise<T>): Promise<T> {
    return withLock(this.#place, LEASES, async () => work(await this.inUse()));
  }
}
