import { findingsOf } from './check/issue.ts';
import { encodeLock } from './encode-lock.ts';
import { LockError } from './error.ts';
import { type Lock, lockSchema } from './lock.ts';
import type { Finding } from './problem.ts';
import { composeYaml } from './source/compose.ts';
import { jsonErrorOffset } from './source/json-error.ts';
import { readText } from './source/read-text.ts';
import { MOST_PROBLEMS, type SourceText } from './source/text.ts';
import { type Located, locate, nearest } from './source/tree.ts';

/** Characters of a lock; one with a thousand packages has half a million. */
const LOCK_LIMIT = 16 * 2 ** 20;
const YAML_LIMITS = { tokens: 300_000, tokenLength: 65_536, depth: 16 };

/**
 * Parses a lock. Throws {@link LockError} that says which fields are wrong, with their lines; altee writes locks
 * itself, so a wrong one was edited by hand, merged badly or damaged.
 */
export function parseLock(text: string, file: string): Lock {
  const { source, findings } = readText(text, file, LOCK_LIMIT);
  if (findings.length > 0) throw new LockError(source.problems(findings));
  const value = parseJson(source);
  const result = lockSchema.safeParse(value);
  // As altee wrote it: nothing is hidden by a key that is there twice, and places are not needed.
  if (result.success && encodeLock(result.data) === source.text) {
    if (crossFindings(result.data).length === 0) return result.data;
  }
  const { root, findings: treeFindings } = locateJson(source);
  const found = result.success
    ? crossFindings(result.data).map((finding) => ({ ...finding, offset: placeOf(root, finding.path) }))
    : result.error.issues.slice(0, MOST_PROBLEMS).flatMap((issue) => findingsOf(issue, root, lockSchema));
  const all = [...treeFindings, ...found];
  if (!result.success || all.length > 0) throw new LockError(source.problems(all));
  return result.data;
}

function parseJson(source: SourceText): unknown {
  try {
    return JSON.parse(source.text);
  } catch {
    const offset = jsonErrorOffset(source.text);
    const message = source.text.trim() === '' ? 'The lock is empty' : 'The lock is no JSON from here on';
    const advice = 'Restore it from version control, or delete it and run "altee lock"';
    throw new LockError(source.problems([{ offset, path: [], message, advice }]));
  }
}

/** JSON is YAML (YAML 1.2.2 §1.3), so the reader of manifests also knows where each part of a lock stands. */
function locateJson(source: SourceText): { root: Located; findings: readonly Finding[] } {
  const { document, findings } = composeYaml(source.text, YAML_LIMITS);
  if (document === undefined) throw new LockError(source.problems(findings));
  return locate(document);
}

function placeOf(root: Located, path: readonly (string | number)[]): number {
  const { located } = nearest(root, path);
  return located.offset;
}

/** What the fields promise each other: every package that is named is in `packages`. */
function crossFindings(lock: Lock): Omit<Finding, 'offset'>[] {
  const named = [
    ...Object.entries(lock.roots).flatMap(([root, { packages }]) =>
      packages.map((name, index) => ({ name, path: ['roots', root, 'packages', index] })),
    ),
    { name: lock.stub.package, path: ['stub', 'package'] },
    ...Object.entries(lock.platforms).flatMap(([platform, { firmware }]) =>
      (['code', 'vars'] as const).map((part) => ({
        name: firmware[part].package,
        path: ['platforms', platform, 'firmware', part, 'package'],
      })),
    ),
  ];
  const advice = 'Run "altee lock" to write the lock anew';
  const absent = named
    .filter(({ name }) => !Object.hasOwn(lock.packages, name))
    .map(({ name, path }) => ({ path, message: `The package "${name}" is not under "packages"`, advice }));
  const repeated = Object.entries(lock.roots).flatMap(([root, { packages }]) => {
    const seen = new Set<string>();
    return packages.flatMap((name, index) => {
      if (!seen.has(name)) {
        seen.add(name);
        return [];
      }
      return [
        {
          path: ['roots', root, 'packages', index],
          message: `The package "${name}" is listed twice`,
          advice,
        },
      ];
    });
  });
  return [...absent, ...repeated];
}
