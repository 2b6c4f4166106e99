import { fromUtf8 } from '../../bytes/text.ts';
import { MeasureError } from '../../error.ts';
import type { Field, Format, Part, Parts } from '../parts.ts';

/** More than any document of altee's. */
const MAX_JSON_BYTES = 32 * 2 ** 20;
const MAX_DEPTH = 64;

/** A JSON document: a field for each plain value, a part for each object and list, down to the last one. */
export const jsonFormat: Format = {
  name: 'JSON',
  recognises: (bytes, name) =>
    /\.(?:json|lock)$/.test(name) && bytes.length <= MAX_JSON_BYTES && bytes[0] === 0x7b,
  split: (bytes) => ({
    ...partsOf(parse(bytes), 'JSON', 0),
    otherwise: 'the values are the same; their text differs',
  }),
};

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes) ?? '');
  } catch (cause) {
    throw new MeasureError('malformed', 'The file is no JSON', { cause });
  }
}

function partsOf(value: unknown, format: string, depth: number): Parts {
  if (depth > MAX_DEPTH) throw new MeasureError('unsupported', `JSON: nested more than ${MAX_DEPTH} deep`);
  const fields: Field[] = [];
  const parts: Part[] = [];
  for (const [name, member] of membersOf(value)) {
    if (typeof member === 'object' && member !== null)
      parts.push({ name, parts: partsOf(member, Array.isArray(member) ? 'list' : 'object', depth + 1) });
    else fields.push({ name, value: typeof member === 'string' ? member : JSON.stringify(member) });
  }
  return { format, fields, parts };
}

/** Elements of a list go by what they call themselves, so that one more does not move all that follow. */
function membersOf(value: unknown): [string, unknown][] {
  if (!Array.isArray(value)) return typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return value.map((element: unknown, index) => [`[${nameOf(element) ?? index}]`, element]);
}

const NAMES = ['bom-ref', 'name', 'id', 'path', 'uri', 'description'] as const;

function nameOf(element: unknown): string | undefined {
  if (typeof element !== 'object' || element === null) return undefined;
  const members = new Map(Object.entries(element));
  const name = NAMES.map((key) => members.get(key)).find((each) => typeof each === 'string');
  return typeof name === 'string' ? name : undefined;
}
