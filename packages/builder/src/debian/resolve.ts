import { BuilderError } from '../error.ts';
import type { DebianPackage } from './package.ts';
import { describeRelation, parseRelations, type Relation } from './relation.ts';
import type { PackageUniverse } from './universe.ts';
import { satisfies } from './version.ts';

export interface Resolution {
  /** What the set is for, in errors: `root "kernel"`. */
  readonly purpose: string;
  /** Packages asked for, each a relation: `clang-19` or `clang-19 (>= 1:19)`. */
  readonly wanted: readonly string[];
  /** Dependencies that are left out: `name` everywhere, `package>name` only where that package needs it. */
  readonly drop: readonly string[];
}

/** A package in the set and the one that brought it in; undefined for one that was asked for. */
interface Chosen {
  readonly package: DebianPackage;
  readonly broughtInBy: Chosen | undefined;
}

/**
 * The packages that `wanted` needs, with everything they depend on, sorted by name.
 *
 * Rules, all of which depend on nothing but the index and the request: a name stands for its highest version
 * that satisfies the relation; of alternatives, one that is in the set already wins, else the first that can be
 * had; a virtual package stands for the provider with the first name; a clause whose turn comes to a dropped
 * name is left out. There is no backtracking: Debian's stable release does not need it.
 *
 * Throws `package-not-found` for a wanted name that the archive does not have, and `dependency-unsatisfiable`
 * for a dependency that cannot be had, or for two packages that exclude each other.
 */
export function resolvePackages(universe: PackageUniverse, resolution: Resolution): DebianPackage[] {
  const chosen = new Map<string, Chosen>();
  const drop = new Set(resolution.drop);
  const queue: Chosen[] = [];

  const choose = (clause: readonly Relation[], by: Chosen | undefined): void => {
    if (clause.some((relation) => isMet(relation, chosen))) return;
    for (const relation of clause) {
      if (by !== undefined && (drop.has(relation.name) || drop.has(`${by.package.name}>${relation.name}`)))
        return;
      const found = candidate(universe, relation, chosen);
      if (found === undefined) continue;
      const entry = { package: found, broughtInBy: by };
      chosen.set(found.name, entry);
      queue.push(entry);
      return;
    }
    throw unsatisfiable(universe, clause, by, chosen, resolution);
  };

  // What was asked for comes first, so that it wins as an alternative over what a dependency would bring in.
  for (const text of [...resolution.wanted].sort())
    for (const clause of parseRelations(text)) choose(clause, undefined);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const clause of next.package.needs) choose(clause, next);
  }
  refuseExclusions(chosen, resolution);
  return [...chosen.values()].map((entry) => entry.package).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether a package fits a relation, by its name or by what it provides (Debian Policy §7.5). */
function fits(candidate: DebianPackage, relation: Relation): boolean {
  if (relation.name === candidate.name) return versionFits(candidate.version, relation);
  return candidate.provides.some(
    ({ name, version }) =>
      name === relation.name &&
      (relation.version === undefined || (version !== undefined && versionFits(version.wanted, relation))),
  );
}

function versionFits(version: string, { version: bound }: Relation): boolean {
  return bound === undefined || satisfies(version, bound.relation, bound.wanted);
}

/** `:any` and `:native` mean this machine's architecture here: a root has only one. */
function isForeign({ qualifier }: Relation): boolean {
  return qualifier !== undefined && !['any', 'native', 'amd64', 'all'].includes(qualifier);
}

function isMet(relation: Relation, chosen: ReadonlyMap<string, Chosen>): boolean {
  if (isForeign(relation)) return false;
  const named = chosen.get(relation.name);
  if (named !== undefined && fits(named.package, relation)) return true;
  for (const entry of chosen.values()) if (fits(entry.package, relation)) return true;
  return false;
}

function candidate(
  universe: PackageUniverse,
  relation: Relation,
  chosen: ReadonlyMap<string, Chosen>,
): DebianPackage | undefined {
  if (isForeign(relation)) return undefined;
  // A set holds one version of a name: another version of what is in it already is no candidate.
  const free = (found: DebianPackage) => !chosen.has(found.name) && fits(found, relation);
  return universe.versionsOf(relation.name).find(free) ?? universe.providersOf(relation.name).find(free);
}

/** Conflicts and Breaks (Debian Policy §7.3, §7.4); a package never excludes itself. */
function refuseExclusions(chosen: ReadonlyMap<string, Chosen>, { purpose }: Resolution): void {
  for (const one of chosen.values()) {
    for (const exclusion of one.package.excludes) {
      const other = [...chosen.values()].find((entry) => entry !== one && fits(entry.package, exclusion));
      if (other === undefined) continue;
      throw new BuilderError(
        'dependency-unsatisfiable',
        `Packages "${one.package.name}" and "${other.package.name}" in the ${purpose} exclude each other`,
        {
          hint: 'Ask for only one of the packages that bring them in',
          details: [describeChain(one), describeChain(other)],
        },
      );
    }
  }
}

function unsatisfiable(
  universe: PackageUniverse,
  clause: readonly Relation[],
  by: Chosen | undefined,
  chosen: ReadonlyMap<string, Chosen>,
  { purpose }: Resolution,
): BuilderError {
  const wanted = clause.map(describeRelation).join(' | ');
  const details = clause.map((relation) => whyNot(universe, relation, chosen));
  if (by === undefined) {
    const similar = clause.flatMap((relation) => universe.similarTo(relation.name));
    return new BuilderError('package-not-found', `No package "${wanted}" for the ${purpose} in Debian 13`, {
      hint:
        similar.length > 0
          ? `Did you mean ${similar.map((name) => `"${name}"`).join(' or ')}?`
          : 'Check the name',
      details,
    });
  }
  return new BuilderError(
    'dependency-unsatisfiable',
    `Package "${by.package.name}" in the ${purpose} needs "${wanted}", which cannot be had`,
    {
      hint: 'The mirror may be in the middle of an update: try again in some minutes',
      details: [...details, describeChain(by)],
    },
  );
}

function whyNot(universe: PackageUniverse, relation: Relation, chosen: ReadonlyMap<string, Chosen>): string {
  const text = describeRelation(relation);
  if (isForeign(relation)) return `${text}: altee builds for amd64 only`;
  const taken = chosen.get(relation.name);
  if (taken !== undefined) return `${text}: the set holds version ${taken.package.version} already`;
  const versions = universe.versionsOf(relation.name);
  if (versions.length > 0) {
    return `${text}: the archive has ${versions.map((found) => `${found.version} (${found.suite})`).join(', ')}`;
  }
  const providers = universe.providersOf(relation.name);
  if (providers.length > 0) {
    return `${text}: only provided, by ${providers.map((found) => `${found.name} ${found.version}`).join(', ')}`;
  }
  return `${text}: the archive has no such package`;
}

/** `kernel tools → clang-19 → libllvm19`, as far back as what was asked for. */
function describeChain(entry: Chosen): string {
  const names: string[] = [];
  for (let at: Chosen | undefined = entry; at !== undefined; at = at.broughtInBy)
    names.unshift(at.package.name);
  return names.length === 1 ? `${names[0]} was asked for` : `${names.join(' → ')} (each needs the next)`;
}
