import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditPolicy, parseAuditPolicy } from '@altee/manifest';
import { BuilderError } from '../error.ts';
import { SUMS_FILE } from '../image/sums.ts';
import { readAtMost } from '../project.ts';
import { keyId, type PublicKey, parsePublicKey } from '../release/public-key.ts';
import { removeTree } from '../store/remove-tree.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { type AuditStatement, parseAuditStatement } from './audit-statement.ts';
import { parseEnvelope, verifiedPayload } from './dsse.ts';
import { openRelease, type VerifiedRelease } from './open-release.ts';

export interface VerifyReleaseOptions {
  /** A folder or an http(s) URL. */
  readonly release: string;
  readonly policyFile: string;
  readonly statementFiles: readonly string[];
  readonly signal?: AbortSignal;
}

/** What one statement is worth. */
export interface Vote {
  readonly file: string;
  readonly kind: 'accepted' | 'objection' | 'refused';
  /** Who signed it, where that is one of the policy's auditors. */
  readonly auditor?: string;
  /** Why it does not count, or what the auditor found. */
  readonly reason?: string;
}

export interface VerifyReleaseResult {
  readonly accepted: boolean;
  /** Why not; a sentence. */
  readonly reason?: string;
  readonly required: number;
  readonly auditors: readonly string[];
  readonly votes: readonly Vote[];
  readonly sumsSha256: string;
}

const POLICY_BYTES = 2 * 2 ** 20;
/** A statement about ten thousand files, in base64. */
const STATEMENT_BYTES = 16 * 2 ** 20;

/**
 * `altee verify-release`: whether enough of the policy's auditors reproduced exactly this release. The release itself is
 * verified first, with the policy's publisher. Throws `invalid-input` or `ManifestError` for a policy that is none, and what
 * `openRelease` throws; a statement that is worth nothing is a refused vote.
 */
export async function verifyRelease(options: VerifyReleaseOptions): Promise<VerifyReleaseResult> {
  const policy = await readPolicy(options.policyFile);
  const temporary = await temporaryFolder('altee-verify-');
  try {
    const folder = join(temporary, 'release');
    await mkdir(folder);
    const release = await openRelease(options.release, folder, policy.publisher, options.signal);
    const votes: Vote[] = [];
    for (const file of options.statementFiles) votes.push(await voteOf(file, release, policy, votes));
    return decide(release, policy, votes);
  } finally {
    await removeTree(temporary);
  }
}

interface ReadPolicy extends Omit<AuditPolicy, 'publisher' | 'auditors'> {
  readonly publisher: PublicKey;
  readonly auditors: readonly { readonly name: string; readonly key: PublicKey }[];
}

async function readPolicy(file: string): Promise<ReadPolicy> {
  const bytes = await readAtMost(file, POLICY_BYTES).catch((cause: unknown) => {
    throw new BuilderError('invalid-input', `Cannot read the policy "${file}"`, { cause });
  });
  const policy = parseAuditPolicy(bytes, file);
  const publisher = parsePublicKey(policy.publisher, `"publisher" in "${file}"`);
  const auditors = policy.auditors.map(({ name, key }) => ({
    name,
    key: parsePublicKey(key, `The key of the auditor "${name}" in "${file}"`),
  }));
  const owners = new Map([[keyId(publisher), 'the publisher']]);
  for (const { name, key } of auditors) {
    const owner = owners.get(keyId(key));
    if (owner !== undefined) {
      throw new BuilderError('invalid-input', `In "${file}", the auditor "${name}" has the key of ${owner}`, {
        hint: 'Each vote needs a key of its own, and publishers do not audit themselves',
      });
    }
    owners.set(keyId(key), `"${name}"`);
  }
  return { ...policy, publisher, auditors };
}

async function voteOf(
  file: string,
  release: VerifiedRelease,
  policy: ReadPolicy,
  earlier: readonly Vote[],
): Promise<Vote> {
  const refused = (reason: string, auditor?: string): Vote => ({
    file,
    kind: 'refused',
    reason,
    ...(auditor === undefined ? {} : { auditor }),
  });
  try {
    const bytes = await readAtMost(file, STATEMENT_BYTES + 1).catch(() => undefined);
    if (!bytes) return refused('It cannot be read');
    if (bytes.length > STATEMENT_BYTES) return refused(`It has more than ${STATEMENT_BYTES} bytes`);
    const envelope = parseEnvelope(Buffer.from(bytes).toString('utf8'));
    const auditor = policy.auditors.find(({ key }) => verifiedPayload(envelope, key) !== undefined);
    const payload = auditor && verifiedPayload(envelope, auditor.key);
    if (!auditor || !payload) {
      const hint = envelope.signatures[0]?.keyid;
      const says = hint === undefined ? '' : `; it says that it is by ${hint}`;
      return refused(`None of the policy's auditors signed it${says}`);
    }
    const { name } = auditor;
    const statement = parseAuditStatement(payload);
    const mismatch = mismatchOf(statement, release, policy);
    if (mismatch !== undefined) return refused(mismatch, name);
    const former = earlier.find((vote) => vote.auditor === name && vote.kind !== 'refused');
    const { verdict, rebuilds, limits, findings } = statement.predicate;
    if (verdict === 'not-reproduced') {
      const found = findings[0]?.message ?? 'no reason is given';
      return { file, kind: 'objection', auditor: name, reason: `"${name}" did not reproduce it: ${found}` };
    }
    if (former) return refused(`"${name}" has a vote already, in "${former.file}"`, name);
    if (rebuilds < policy.rebuilds)
      return refused(
        `"${name}" built it ${times(rebuilds)}, the policy asks for ${times(policy.rebuilds)}`,
        name,
      );
    if (limits.length > 0 && !policy.acceptLimits)
      return refused(`It has limits, which the policy does not accept: ${limits.join('; ')}`, name);
    if (findings.length > 0) return refused('It says "reproduced" and names what was not', name);
    return { file, kind: 'accepted', auditor: name };
  } catch (error) {
    if (error instanceof BuilderError) return refused(error.message);
    throw error;
  }
}

/** Why a statement is not about exactly this release; undefined where it is. */
function mismatchOf(
  { subject, predicate }: AuditStatement,
  release: VerifiedRelease,
  { publisher }: ReadPolicy,
): string | undefined {
  const digests = new Map(subject.map(({ name, digest }) => [name, `sha256:${digest.sha256}`]));
  if (digests.size !== subject.length) return 'It names a file twice';
  const sums = digests.get(SUMS_FILE);
  const { name, version } = predicate.release;
  if (sums === undefined) return `It does not name ${SUMS_FILE}`;
  if (sums !== release.sumsSha256) {
    return `It is for another release (${name} ${version}): its ${SUMS_FILE} is ${sums}, this one's ${release.sumsSha256}`;
  }
  for (const [file, sha256] of release.sums) {
    const said = digests.get(file);
    if (said !== sha256) return `It names ${said ?? 'no digest'} for "${file}", this release has ${sha256}`;
  }
  if (digests.size !== release.sums.size + 1) return 'It names files that this release does not have';
  if (predicate.publisher.keyId !== keyId(publisher))
    return `It is about a release of another publisher (${predicate.publisher.keyId})`;
  return undefined;
}

function decide(release: VerifiedRelease, policy: ReadPolicy, votes: readonly Vote[]): VerifyReleaseResult {
  const auditors = votes.flatMap(({ kind, auditor }) => (kind === 'accepted' && auditor ? [auditor] : []));
  const objection = votes.find(({ kind }) => kind === 'objection');
  const reason = reasonAgainst(release, policy, auditors.length, objection);
  return {
    accepted: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
    required: policy.require,
    auditors,
    votes,
    sumsSha256: release.sumsSha256,
  };
}

function reasonAgainst(
  { missing }: VerifiedRelease,
  { require, onObjection }: ReadPolicy,
  count: number,
  objection: Vote | undefined,
): string | undefined {
  if (missing.length > 0)
    return `This copy of the release lacks ${missing.map((name) => `"${name}"`).join(', ')}`;
  if (objection && onObjection === 'refuse') return objection.reason;
  if (count >= require) return undefined;
  return `${count} of the ${require} auditors that the policy asks for reproduced it`;
}

function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;
}
