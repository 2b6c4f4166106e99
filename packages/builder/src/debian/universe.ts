import type { StanzaIndex } from './control.ts';
import type { DebianArchive } from './origins.ts';
import { type DebianPackage, parsePackage } from './package.ts';
import { compareVersions } from './version.ts';

/** A verified Packages index and where it is from. */
export interface SuiteIndex {
  readonly archive: DebianArchive;
  readonly suite: string;
  readonly index: StanzaIndex;
}

/** All packages of several suites, parsed as they are asked for. */
export class PackageUniverse {
  readonly #suites: readonly SuiteIndex[];
  readonly #versions = new Map<string, readonly DebianPackage[]>();

  constructor(suites: readonly SuiteIndex[]) {
    this.#suites = suites;
  }

  /** The versions of a package over all suites, highest first; the same version in two suites counts once. */
  versionsOf(name: string): readonly DebianPackage[] {
    const known = this.#versions.get(name);
    if (known !== undefined) return known;
    const found = this.#parsed((index) => index.named(name)).sort((a, b) =>
      compareVersions(b.version, a.version),
    );
    const distinct = found.filter((entry, at) => at === 0 || entry.version !== found[at - 1]?.version);
    this.#versions.set(name, distinct);
    return distinct;
  }

  /** Where these bytes can be had, as in a lock: in each archive whose signed index lists them under this digest. */
  originsOf({ name, sha256 }: Pick<DebianPackage, 'name' | 'sha256'>): string[] {
    const same = this.#parsed((index) => index.named(name)).filter((entry) => entry.sha256 === sha256);
    return [...new Set(same.map(({ archive, filename }) => `${archive}:${filename}`))];
  }

  /** The newest versions of the packages that provide a virtual package, by name. */
  providersOf(name: string): readonly DebianPackage[] {
    const names = new Set(this.#parsed((index) => index.providing(name)).map((provider) => provider.name));
    return [...names].sort().flatMap((provider) => this.versionsOf(provider).slice(0, 1));
  }

  /** Up to three existing names that differ from `name` by a character or two, or that continue it. */
  similarTo(name: string): string[] {
    const scored = new Map<string, number>();
    for (const { index } of this.#suites) {
      for (const other of index.names()) {
        const distance = other.startsWith(`${name}-`) ? 2 : editDistance(name, other, 2);
        if (distance <= 2) scored.set(other, distance);
      }
    }
    return [...scored]
      .sort(([a, left], [b, right]) => left - right || a.length - b.length || (a < b ? -1 : 1))
      .slice(0, 3)
      .map(([other]) => other);
  }

  #parsed(stanzas: (index: StanzaIndex) => ReturnType<StanzaIndex['named']>): DebianPackage[] {
    return this.#suites.flatMap(({ archive, suite, index }) =>
      stanzas(index).flatMap((stanza) => parsePackage(stanza, archive, suite) ?? []),
    );
  }
}

/** Levenshtein distance, or `limit + 1` as soon as it must be more than `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    if (Math.min(...next) > limit) return limit + 1;
    row = next;
  }
  return row[b.length] ?? limit + 1;
}
