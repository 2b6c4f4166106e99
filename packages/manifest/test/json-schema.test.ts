import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { manifestSchema, toJsonSchema } from '../src/index.ts';
import { jsonSchemaText } from '../src/json-schema.ts';

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
}

const schema: Node & { readonly title?: string } = toJsonSchema();

/** Every mapping of the schema with fixed keys, and the path to it. */
function mappings(node: Node, path: string): { path: string; node: Node }[] {
  const children = [
    ...Object.entries(node.properties ?? {}).map(([key, child]) => [`${path}.${key}`, child] as const),
    ...(typeof node.additionalProperties === 'object'
      ? [[`${path}.*`, node.additionalProperties] as const]
      : []),
    ...(node.items ? [[`${path}[]`, node.items] as const] : []),
    ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].map((child) => [path, child] as const),
  ];
  const below = children.flatMap(([where, child]) => mappings(child, where));
  return node.properties ? [{ path, node }, ...below] : below;
}

describe('toJsonSchema()', () => {
  test('gives the file that is checked in; "npm run schema" writes it', async () => {
    const file = new URL('../altee.schema.json', import.meta.url);
    expect(await readFile(file, 'utf8')).toBe(jsonSchemaText());
  });

  test('has the keys of the manifest', () => {
    expect(Object.keys(schema.properties ?? {})).toEqual(Object.keys(manifestSchema.shape));
    expect(schema.required).toEqual(['apiVersion', 'name', 'version', 'app']);
    expect(schema.title).toBe('altee manifest');
  });

  test('refuses unknown keys in every mapping', () => {
    const all = mappings(schema, 'manifest');
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter(({ node }) => node.additionalProperties !== false).map(({ path }) => path)).toEqual([]);
  });

  test('describes every key of the manifest, of its sections and of platforms, for an editor to show', () => {
    const bare = mappings(schema, 'manifest').flatMap(({ path, node }) =>
      Object.entries(node.properties ?? {})
        .filter(([, child]) => child.description === undefined)
        .map(([key]) => `${path}.${key}`),
    );
    expect(bare).toEqual([]);
  });

  test('asks for exactly one source of the app', () => {
    expect(schema.properties?.['app']?.oneOf?.map(({ required }) => required?.[0])).toEqual([
      'static',
      'build',
      'rootfs',
      'oci',
      'dockerfile',
    ]);
  });

  test('writes memory as it stands in the file, not as it is parsed', () => {
    const platforms = schema.properties?.['platforms']?.additionalProperties as Node;
    expect(platforms.properties?.['memory']?.type).toBe('string');
    expect(platforms.properties).not.toHaveProperty('memoryBytes');
  });
});
