import { z } from 'zod';
import { app, appKinds } from './schema/app.ts';
import { manifestSchema } from './schema/manifest.ts';

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The manifest as JSON Schema (draft 2020-12), for editors: what may be written, with a description for each key.
 * Rules that span fields are not in it, but for the one source of the app.
 */
export function toJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(manifestSchema, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === (app as z.core.$ZodType))
        jsonSchema.oneOf = appKinds.map((kind) => ({ required: [kind] }));
    },
  });
  return { ...schema, title: 'altee manifest' };
}

/** The schema as it is checked in: two spaces, a newline at its end. */
export function jsonSchemaText(): string {
  return `${JSON.stringify(toJsonSchema(), undefined, 2)}\n`;
}
