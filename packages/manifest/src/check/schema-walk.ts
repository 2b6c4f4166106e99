import type { z } from 'zod';

type Schema = z.core.$ZodTypes;
type Path = readonly PropertyKey[];

/** The schemas that a value at `path` can answer to: several below a union, none for a path that can't be. */
export function schemasAt(schema: z.core.$ZodType, path: Path): Schema[] {
  const [part, ...rest] = path;
  const here = unwrap(schema);
  if (part === undefined) return here;
  return here.flatMap((candidate) => {
    const child = member(candidate, part);
    return child === undefined ? [] : schemasAt(child, rest);
  });
}

/** The keys that a mapping at `path` may have. */
export function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const keys = schemasAt(schema, path).flatMap(({ _zod: { def } }) =>
    def.type === 'object' ? Object.keys(def.shape) : [],
  );
  return [...new Set(keys)];
}

/** Every place where the schema has a mapping with the key; `*` stands for any name. */
export function pathsOfKey(schema: z.core.$ZodType, key: string, path: readonly string[] = []): string[][] {
  return unwrap(schema).flatMap(({ _zod: { def } }): string[][] => {
    if (def.type === 'array') return [];
    if (def.type === 'record') return pathsOfKey(def.valueType, key, [...path, '*']);
    if (def.type !== 'object') return [];
    return Object.entries(def.shape).flatMap(([name, child]) => [
      ...(name === key ? [[...path, name]] : []),
      ...pathsOfKey(child, key, [...path, name]),
    ]);
  });
}

/** Without defaults, optionality and transforms; a union gives its options. */
function unwrap(schema: z.core.$ZodType): Schema[] {
  const known = schema as Schema;
  const { def } = known._zod;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return unwrap(def.innerType);
    case 'pipe':
      return unwrap(def.in);
    case 'union':
      return def.options.flatMap(unwrap);
    default:
      return [known];
  }
}

function member({ _zod: { def } }: Schema, part: PropertyKey): z.core.$ZodType | undefined {
  if (def.type === 'object') return Object.hasOwn(def.shape, part) ? def.shape[String(part)] : undefined;
  if (def.type === 'record') return def.valueType;
  if (def.type === 'array') return def.element;
  return undefined;
}
