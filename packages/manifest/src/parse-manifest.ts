import type { z } from 'zod';
import { findingsOf } from './check/issue.ts';
import { ManifestError } from './error.ts';
import type { Finding } from './problem.ts';
import { checkRules, type Sections } from './rules/rules.ts';
import { type Manifest, manifestSchema, platformFileSchema } from './schema/manifest.ts';
import { composeYaml } from './source/compose.ts';
import { readText } from './source/read-text.ts';
import type { SourceText } from './source/text.ts';
import { type Located, locate } from './source/tree.ts';

/** Bytes of a manifest: a hundred times what a large one needs. */
const MANIFEST_LIMIT = 2 ** 20;
/** Tokens count white space and punctuation too: about five thousand lines. */
const YAML_LIMITS = { tokens: 32_768, tokenLength: 65_536, depth: 32 };

/**
 * Parses a manifest: YAML 1.2 in UTF-8, then the schema, then the rules that span fields.
 *
 * Gives the manifest with every default filled in. Throws {@link ManifestError} with every problem that could be
 * found at once, each with its line and column. Never throws anything else, whatever the input.
 */
export function parseManifest(input: Uint8Array | string, file: string): Manifest {
  return parseDocument(readDocument(input, file), manifestSchema);
}

/** Either a manifest or a platform file. */
export type PlatformDocument = Pick<Manifest, 'platforms'> & Partial<Manifest>;

/**
 * Parses the platforms of a manifest, or of a platform file: a document with `apiVersion` and `platforms` only. Throws as
 * {@link parseManifest}.
 */
export function parsePlatforms(input: Uint8Array | string, file: string): PlatformDocument {
  const read = readDocument(input, file);
  const isManifest = ['app', 'name', 'kernel'].some((key) => read.root.children.has(key));
  return isManifest ? parseDocument(read, manifestSchema) : parseDocument(read, platformFileSchema);
}

/** YAML that is well-formed, with its places. */
export interface ReadDocument {
  readonly source: SourceText;
  readonly root: Located;
  readonly treeFindings: readonly Finding[];
}

export function readDocument(input: Uint8Array | string, file: string): ReadDocument {
  const { source, findings: textFindings } = readText(input, file, MANIFEST_LIMIT);
  refuse(source, textFindings);
  const { document, findings: yamlFindings } = composeYaml(source.text, YAML_LIMITS);
  // What follows a syntax error is guesswork: report what YAML says, and the rest when that is mended.
  if (document === undefined) throw new ManifestError(source.problems(yamlFindings));
  const { root, findings: treeFindings } = locate(document);
  refuse(source, yamlFindings, treeFindings);
  return { source, root, treeFindings };
}

type DocumentSchema = typeof manifestSchema | typeof platformFileSchema;

function parseDocument<Schema extends DocumentSchema>(
  { source, root, treeFindings }: ReadDocument,
  schema: Schema,
): z.output<Schema> {
  const { parsed, findings } = checkDocument(root, schema);
  refuse(source, treeFindings, findings);
  if (parsed === undefined || findings.length > 0) throw new ManifestError(source.problems(findings));
  return parsed;
}

/** Throws when there is a cause to; the others only come along. */
function refuse(source: SourceText, cause: readonly Finding[], ...others: (readonly Finding[])[]): void {
  if (cause.length > 0) throw new ManifestError(source.problems([...cause, ...others.flat()]));
}

/** The schema over the whole, then the rules over those sections that it accepts. */
function checkDocument<Schema extends DocumentSchema>(
  root: Located,
  schema: Schema,
): { parsed: z.output<Schema> | undefined; findings: Finding[] } {
  const result = schema.safeParse(root.value);
  const issues = result.success ? [] : result.error.issues;
  const sections: Sections = result.success ? result.data : acceptedSections(root.value, schema);
  const findings = issues.flatMap((issue) => findingsOf(issue, root, schema));
  return {
    parsed: result.data as z.output<Schema> | undefined,
    findings: [...findings, ...checkRules(sections, root)],
  };
}

function acceptedSections(value: unknown, schema: DocumentSchema): Sections {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const sections: Record<string, unknown> = {};
  for (const [key, section] of Object.entries<z.ZodType>(schema.shape)) {
    const result = section.safeParse((value as Record<string, unknown>)[key]);
    if (result.success) sections[key] = result.data;
  }
  return sections;
}
