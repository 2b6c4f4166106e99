import { sign, verify } from 'node:crypto';
import { z } from 'zod';
import { BuilderError } from '../error.ts';
import { keyId, type PublicKey } from '../release/public-key.ts';
import type { SigningKey } from '../release/signing-key.ts';

/** in-toto attestations in DSSE (in-toto Envelope v1). */
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base64');

const envelopeSchema = z.object({
  payloadType: z.literal(PAYLOAD_TYPE),
  payload: base64,
  signatures: z
    .array(z.object({ keyid: z.string().max(256).optional(), sig: base64 }))
    .min(1)
    .max(16),
});

export type Envelope = z.infer<typeof envelopeSchema>;

/** What is signed: pre-authentication encoding (DSSE v1.0.2, protocol, "Signature Definition"). */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

/** The text of an envelope around a payload, signed with an Ed25519 key; the same input gives the same bytes. */
export function signEnvelope(payload: Uint8Array, { publicKey, privateKey }: SigningKey): string {
  const signature = sign(null, preAuthenticationEncoding(PAYLOAD_TYPE, payload), privateKey);
  const envelope: Envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ keyid: keyId(publicKey), sig: signature.toString('base64') }],
  };
  return `${JSON.stringify(envelope, null, 2)}\n`;
}

/** Parses an envelope. Throws `statement-malformed`, whatever the text. */
export function parseEnvelope(text: string): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('it is no JSON', cause);
  }
  const parsed = envelopeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformed(`${issue?.path.join('.') || 'the envelope'}: ${issue?.message ?? 'invalid'}`, parsed.error);
}

/** The payload if any of the signatures is this key's; undefined where none is. A signature's "keyid" is a hint that nobody signed. */
export function verifiedPayload(envelope: Envelope, { key }: PublicKey): Buffer | undefined {
  const payload = Buffer.from(envelope.payload, 'base64');
  const signed = preAuthenticationEncoding(envelope.payloadType, payload);
  const isOurs = envelope.signatures.some(({ sig }) => {
    const signature = Buffer.from(sig, 'base64');
    return signature.length === 64 && verify(null, signed, key, signature);
  });
  return isOurs ? payload : undefined;
}

function malformed(why: string, cause: unknown): BuilderError {
  return new BuilderError('statement-malformed', `The envelope is malformed: ${why}`, { cause });
}
