import { MeasureError } from '../error.ts';

// Readers of single JSON values of unknown origin. Each throws a `MeasureError` that begins with the place, `at`.

/** A JSON object, without a prototype: a missing key is never found in `Object.prototype`. */
export function object(json: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw malformed(at, 'must be an object');
  return Object.assign(Object.create(null), json) as Record<string, unknown>;
}

export function list(json: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(json)) throw malformed(at, 'must be a list');
  return json;
}

/** Far longer than any text that altee writes; what people read of a hostile file stays readable. */
const MAX_TEXT = 1 << 20;

export function string(json: unknown, at: string, maxLength = MAX_TEXT): string {
  if (typeof json !== 'string') throw malformed(at, 'must be a string');
  if (json.length > maxLength) throw malformed(at, `has ${json.length} characters, at most ${maxLength}`);
  return json;
}

export function oneOf<T extends string>(json: unknown, allowed: readonly T[], at: string): T {
  const found = allowed.find((each) => each === json);
  if (found === undefined) throw malformed(at, `must be one of ${allowed.join(', ')}`);
  return found;
}

/** The beginning of a name of unknown origin, quoted, for messages. */
export function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

export function malformed(at: string, problem: string): MeasureError {
  return new MeasureError('malformed', `${at} ${problem}`);
}
