import { BuilderError } from '../error.ts';
import type { VersionRelation } from './version.ts';

/** One alternative of a dependency: `name:qualifier (relation version)`. */
export interface Relation {
  readonly name: string;
  /** After the colon: `any`, `native` or an architecture. */
  readonly qualifier?: string;
  readonly version?: { readonly relation: VersionRelation; readonly wanted: string };
}

/** Debian Policy §7.1; restrictions in `[]` and `<>` occur in source packages only and are no part of it. */
const syntax =
  /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?(?:\s*\(\s*(<<|<=|=|>=|>>|<|>)\s*([A-Za-z0-9.+:~-]+)\s*\))?$/;

/**
 * Parses a relationship field such as Depends: alternatives (`|`) within a conjunction (`,`), left to right.
 * Throws `index-invalid` for what Debian Policy §7.1 does not allow.
 */
export function parseRelations(field: string): Relation[][] {
  return splitList(field, ',').map((clause) => splitList(clause, '|').map(parseRelation));
}

/** How a relation reads in an index and in a message. */
export function describeRelation({ name, qualifier, version }: Relation): string {
  const suffix = qualifier === undefined ? '' : `:${qualifier}`;
  return version === undefined
    ? `${name}${suffix}`
    : `${name}${suffix} (${version.relation} ${version.wanted})`;
}

function parseRelation(text: string): Relation {
  const [, name, qualifier, relation, wanted] = syntax.exec(text) ?? [];
  if (name === undefined) {
    throw new BuilderError('index-invalid', `Cannot read "${text}" in a package's dependencies`);
  }
  return {
    name,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(relation === undefined || wanted === undefined
      ? {}
      : { version: { relation: relation as VersionRelation, wanted } }),
  };
}

function splitList(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
