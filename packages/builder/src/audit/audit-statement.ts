import { z } from 'zod';
import { BuilderError } from '../error.ts';
import { STATEMENT_TYPE } from '../release/provenance.ts';

/** The predicate of an audit; docs/audits.md says what its fields mean. */
export const AUDIT_TYPE = 'urn:altee:audit:v1';

const hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');
const text = z.string().max(10_000);
const texts = z.array(text).max(1000);

const conditionSchema = z.object({
  name: text,
  /** What each rebuild had; all of one value where the condition could not be varied. */
  values: texts,
  varied: z.boolean(),
  /** Why it was not varied. */
  reason: text.optional(),
});

const findingSchema = z.object({
  kind: z.enum(['missing', 'different', 'unexpected', 'measurement', 'leak', 'failed']),
  /** File of the release, register, or build step. */
  subject: text,
  message: text,
  /** For leaks: the condition that leaks, where it could be told. */
  condition: text.optional(),
});

const predicateSchema = z.object({
  verdict: z.enum(['reproduced', 'not-reproduced']),
  release: z.object({ name: text, version: text }),
  /** Whose signature the release carries, and whether the auditor was given that key or took it from the release. */
  publisher: z.object({ keyId: text, given: z.boolean() }),
  altee: z.object({ auditor: text, publisher: text }),
  startedOn: z.iso.datetime(),
  finishedOn: z.iso.datetime(),
  rebuilds: z.int().min(0).max(16),
  conditions: z.array(conditionSchema).max(64),
  findings: z.array(findingSchema).max(1000),
  limits: texts,
  /** Per platform: values of the registers, recomputed from the published image. */
  measurements: z.record(z.string(), z.record(z.string(), z.unknown())),
});

const statementSchema = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(z.object({ name: z.string().min(1).max(4096), digest: z.object({ sha256: hex }) }))
    .min(1)
    .max(100_000),
  predicateType: z.literal(AUDIT_TYPE),
  predicate: predicateSchema,
});

export type AuditStatement = z.infer<typeof statementSchema>;
export type AuditPredicate = z.infer<typeof predicateSchema>;
export type AuditCondition = z.infer<typeof conditionSchema>;
export type AuditFinding = z.infer<typeof findingSchema>;

/** The payload of an envelope as an audit. Throws `statement-malformed`, whatever the bytes. */
export function parseAuditStatement(payload: Uint8Array): AuditStatement {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new BuilderError('statement-malformed', 'The statement is no JSON', { cause });
  }
  const parsed = statementSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'statement';
  throw new BuilderError(
    'statement-malformed',
    `The statement is no audit of altee's: ${where}: ${issue?.message ?? 'invalid'}`,
    { cause: parsed.error },
  );
}

/** The text of a statement, which then is signed. */
export function encodeAuditStatement(statement: AuditStatement): string {
  return `${JSON.stringify(statement, null, 2)}\n`;
}
