import { z } from 'zod';

const key = z
  .string()
  .min(32)
  .max(2048)
  .describe('An Ed25519 public key: PEM, the line of a minisign key, or an OpenSSH line');

/** Who may vouch for releases, and how many have to. */
export const auditPolicySchema = z
  .strictObject({
    apiVersion: z.literal('altee/audit-policy/v1').describe('Version of this format'),
    publisher: key.describe('The key that signs the releases'),
    auditors: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(100).describe('What messages call this auditor'),
          key,
        }),
      )
      .min(1)
      .max(256)
      .describe('Whose statements count; one vote each'),
    require: z.int().min(1).max(256).describe('How many of them must have reproduced the release'),
    rebuilds: z
      .int()
      .min(1)
      .max(2)
      .default(2)
      .describe('How often each must have built it: twice, so that conditions were varied'),
    acceptLimits: z
      .boolean()
      .default(false)
      .describe('Whether statements count that name limits, such as a kernel that was not rebuilt'),
    onObjection: z
      .enum(['refuse', 'report'])
      .default('refuse')
      .describe('What the statement of an auditor means who did not reproduce the release'),
  })
  .describe('altee audit policy: whose statements make a release acceptable');

export type AuditPolicy = z.output<typeof auditPolicySchema>;
