import type { z } from 'zod';
import type { Finding } from '../problem.ts';
import { pathText } from '../problem.ts';
import { adviceRegistry } from '../schema/advice.ts';
import { apiVersion } from '../schema/manifest.ts';
import { MOST_PROBLEMS } from '../source/text.ts';
import { type Located, nearest } from '../source/tree.ts';
import { didYouMean } from './edit-distance.ts';
import { keysAt, pathsOfKey, schemasAt } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

/** What zod found, in our words and at its place: one finding for each unknown key, one for everything else. */
export function findingsOf(issue: Issue, root: Located, schema: z.core.$ZodType): Finding[] {
  const path = issue.path as (string | number)[];
  const { located, depth } = nearest(root, path);
  if (located.unknown) return [];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MOST_PROBLEMS).map((key) => unknownKey(key, path, root, schema));
  }
  if (issue.code === 'invalid_union') return unionFindings(issue, root, schema);
  if (issue.code === 'invalid_key') return [invalidKey(issue, located, path)];
  if (depth < path.length) return [missing(path, located)];

  const must = requirement(issue, located);
  const name = path.length === 0 ? 'The document' : `"${pathText(path)}"`;
  if (located.value === null) {
    return [{ offset: located.offset, path, message: `${name} is empty`, advice: adviceForEmpty(path) }];
  }
  const message = `${name} ${must}${butIs(issue, located)}`;
  return [{ offset: located.offset, path, message, advice: adviceFor(issue, located, schema, path) }];
}

function unknownKey(key: string, path: Path, root: Located, schema: z.core.$ZodType): Finding {
  const { located } = nearest(root, [...path, key]);
  const known = keysAt(schema, path);
  const meant = didYouMean(key, known);
  const elsewhere = pathsOfKey(schema, key).map((place) =>
    place.slice(0, -1).map((part) => (part === '*' ? '<name>' : part)),
  );
  const places = elsewhere.filter((place) => place.length > 0).map((place) => `"${place.join('.')}"`);
  const where = path.length === 0 ? '' : ` in "${pathText(path)}"`;
  const advice =
    meant !== undefined
      ? `Did you mean "${meant}"?`
      : places.length > 0 && !known.includes(key)
        ? `It belongs in ${[...new Set(places)].join(' or ')}`
        : `Known here: ${known.join(', ')}`;
  return {
    offset: located.keyOffset ?? located.offset,
    path: [...path, key],
    message: `Unknown key "${key}"${where}`,
    advice,
  };
}

/** A value that is none of several shapes: the problems of the shape it is nearest to. */
function unionFindings(
  issue: z.core.$ZodIssueInvalidUnion,
  root: Located,
  schema: z.core.$ZodType,
): Finding[] {
  const path = issue.path as (string | number)[];
  const inner = issue.errors.find((issues) => issues.length > 0 && issues.every((one) => isBelow(one)));
  if (inner !== undefined) {
    return inner.flatMap((one) => findingsOf({ ...one, path: [...path, ...one.path] }, root, schema));
  }
  const { located, depth } = nearest(root, path);
  if (depth < path.length) return [missing(path, located)];
  if (located.value === null) {
    return [
      { offset: located.offset, path, message: `"${pathText(path)}" is empty`, advice: adviceForEmpty(path) },
    ];
  }
  const choices = choicesAt(schema, path);
  const meant = typeof located.value === 'string' ? didYouMean(located.value, choices) : undefined;
  const keys = keysAt(schema, path);
  const shapes = [...choices.map(quote), ...(keys.length > 0 ? [`a mapping with ${keys.join(', ')}`] : [])];
  const message = `"${pathText(path)}" must be ${oneOf(shapes)}${butIs(issue, located)}`;
  return [{ offset: located.offset, path, message, advice: meant && `Did you mean "${meant}"?` }];
}

/** The value has the shape, and something in it is wrong. */
function isBelow(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

function invalidKey(issue: z.core.$ZodIssueInvalidKey, located: Located, path: Path): Finding {
  const key = String(path.at(-1));
  const must = issue.issues[0]?.message ?? 'is not allowed';
  const parent = path.slice(0, -1);
  const offset = located.keyOffset ?? located.offset;
  return { offset, path, message: `The name ${quote(key)} in "${pathText(parent)}" ${must}` };
}

function missing(path: Path, parent: Located): Finding {
  const message = `"${pathText(path)}" is missing`;
  const advice = path.length === 1 ? rootAdvice[String(path[0])] : undefined;
  return { offset: parent.keyOffset ?? parent.offset, path, message, advice };
}

const rootAdvice: Readonly<Record<string, string>> = {
  apiVersion: `Write apiVersion: ${apiVersion}`,
  name: 'Write name: and a name of your own, such as hello',
  version: 'Write version: and the version of the app, such as 0.1.0',
  app: 'Write app: and below it build: or static:',
};

const kinds: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** The second half of the sentence `"path" must …`. */
function requirement(issue: Issue, { value }: Located): string {
  // Ours all begin like this; zod's own begin with "Invalid" or "Too".
  if (issue.message.startsWith('must')) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map((one) => quote(String(one))))}`;
    case 'too_small':
      return `must ${bound('at least', Number(issue.minimum), value)}`;
    case 'too_big':
      return `must ${bound('at most', Number(issue.maximum), value)}`;
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'must be a time in UTC (ISO 8601)'
        : `must match ${issue.pattern ?? issue.format}`;
    default:
      return `is not as it should be: ${issue.message}`;
  }
}

function bound(side: string, limit: number, value: unknown): string {
  if (typeof value === 'string')
    return limit === 1 && side === 'at least' ? 'not be empty' : `have ${side} ${limit} characters`;
  if (Array.isArray(value)) return `have ${side} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return `be ${side} ${limit}`;
}

/** `, not "x"` where it helps: what stands there, cut to a sensible length. */
function butIs(issue: Issue, { value, text }: Located): string {
  if (issue.message.startsWith('must not')) return '';
  if (Array.isArray(value))
    return issue.code === 'invalid_type' || issue.code === 'invalid_union' ? ', not a list' : '';
  if (typeof value === 'object') return ', not a mapping';
  if (value === '' || (typeof value === 'string' && value.includes('\n'))) return '';
  if (typeof value === 'string')
    return `, not ${quote(value.length > 80 ? `${value.slice(0, 77)}…` : value)}`;
  const noun = typeof value === 'number' && issue.code === 'invalid_type' ? 'the number ' : '';
  return `, not ${noun}${(text ?? String(value)).slice(0, 80)}`;
}

function adviceFor(issue: Issue, located: Located, schema: z.core.$ZodType, path: Path): string | undefined {
  const candidates = schemasAt(schema, path);
  for (const candidate of candidates) {
    const advice = adviceRegistry.get(candidate)?.advise(located.value);
    if (advice !== undefined) return advice;
  }
  if (path.length === 0) return adviceForEmpty(path);
  const { value, text } = located;
  const choices = choicesAt(schema, path);
  const meant = typeof value === 'string' ? didYouMean(value, choices) : undefined;
  if (meant !== undefined) return `Did you mean "${meant}"?`;
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.expected === 'string' && text !== undefined) return `Quote it: "${text}"`;
  if (issue.expected === 'array' && typeof value !== 'object')
    return `Write a list: [${text ?? String(value)}]`;
  if (['number', 'int'].includes(issue.expected) && typeof value === 'string' && /^-?\d+$/.test(value))
    return `Write it without quotes: ${value}`;
  if (issue.expected === 'boolean' && typeof value === 'string') {
    if (/^(?:yes|on|true)$/i.test(value)) return 'Write true';
    if (/^(?:no|off|false)$/i.test(value)) return 'Write false';
  }
  return undefined;
}

function adviceForEmpty(path: Path): string {
  return path.length === 0
    ? 'Write a manifest; "altee init" makes one'
    : 'Give it a value, or delete the key';
}

/** The fixed texts that are allowed at a path. */
function choicesAt(schema: z.core.$ZodType, path: Path): string[] {
  return schemasAt(schema, path).flatMap(({ _zod: { def } }) => {
    if (def.type === 'enum') return Object.values(def.entries).map(String);
    if (def.type === 'literal') return def.values.map(String);
    return [];
  });
}

function oneOf(shapes: readonly string[]): string {
  if (shapes.length < 2) return shapes.join('');
  return `${shapes.slice(0, -1).join(', ')} or ${shapes.at(-1)}`;
}

function quote(text: string): string {
  return `"${text}"`;
}
