import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import { POLICY_OR_BRANCHES, pcrDigest, policyOr, policyPcr } from '../tpm/policy.ts';
import { formatPcrSelection, pcrSelection } from '../tpm/selection.ts';
import { encodeJson } from './encode.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered } from './subject.ts';

/** Banks to seal to. SHA-1 is too weak to hold a secret. */
const BANKS: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/**
 * What people seal to: `all` is whatever is pinned; `image` is what follows from the image and the way it is started,
 * and outlives another firmware: boot attempt and image (4), command line and initrd (9), sections (11), what may be
 * added to both (12, 13).
 */
const selections: Readonly<Record<string, readonly number[] | 'pinned'>> = {
  all: 'pinned',
  image: [4, 9, 11, 12, 13],
};

/** A sealing policy for one platform and one selection. */
interface Branch {
  readonly subject: Subject;
  readonly selection: string;
  readonly bank: HashName;
  readonly pcrs: readonly number[];
  readonly policy: Uint8Array;
}

/**
 * Digests to seal to with a TPM 2.0: `policyPcr` per platform, bank and selection, and `policyOr` where several
 * platforms or images may open the same secret (TPM 2.0 Library part 3, 23.6 and 23.7). All policies are SHA-256.
 */
export function writeTpm2Policy(subjects: readonly Subject[]): Written {
  const branches = subjects.flatMap(branchesOf);
  const ors = groupBy(branches, ({ bank, selection }) => `${selection} ${bank}`).flatMap((group) => {
    const [first] = group;
    const policies = distinct(group.map(({ policy }) => policy));
    if (!first || policies.length < POLICY_OR_BRANCHES.min) return [];
    return { selection: first.selection, bank: first.bank, ...orJson(orTree(policies)) };
  });
  const files = [
    {
      path: 'tpm2-policy.json',
      bytes: encodeJson({
        apiVersion: 'altee/tpm2-policy/v1',
        policyAlgorithm: 'sha256',
        policyPcr: branches.map(branchJson),
        policyOr: ors,
        leftOut: subjects.map(({ image, platform, leftOut }) => ({
          image,
          platform,
          registers: Object.fromEntries(leftOut.map(({ register, reason }) => [register, reason])),
        })),
      }),
      covers: subjects.flatMap((subject) => {
        const banks = BANKS.filter((bank) => subject.banks.includes(bank));
        return banks.length === 0 ? [] : covered(subject, subject.pinned, banks);
      }),
      leavesOut: subjects.flatMap(({ leftOut }) => leftOut),
    },
  ];
  const notWritten = subjects
    .filter((subject) => !branches.some((branch) => branch.subject === subject))
    .map(({ image, platform }) => ({ image, platform, reason: 'SHA-1 is too weak to hold a secret' }));
  return { files: branches.length === 0 ? [] : files, notWritten };
}

function branchesOf(subject: Subject): Branch[] {
  const pinned = subject.pinned.map(({ registerIndex }) => registerIndex);
  return BANKS.filter((bank) => subject.banks.includes(bank)).flatMap((bank) =>
    Object.entries(selections).flatMap(([selection, wanted]): Branch[] => {
      const pcrs = wanted === 'pinned' ? pinned : wanted;
      // A part of a selection would be another selection: nobody would see what is missing.
      if (!pcrs.every((pcr) => pinned.includes(pcr))) return [];
      return [
        {
          subject,
          selection,
          bank,
          pcrs,
          policy: policyPcr(pcrSelection(bank, pcrs), valuesOf(subject, bank, pcrs)),
        },
      ];
    }),
  );
}

function valuesOf({ pinned }: Subject, bank: HashName, pcrs: readonly number[]): Uint8Array[] {
  return pcrSelection(bank, pcrs).pcrs.flatMap(
    (pcr) => pinned.find(({ registerIndex }) => registerIndex === pcr)?.values[bank] ?? [],
  );
}

function branchJson({ subject, selection, bank, pcrs, policy }: Branch): unknown {
  const values = valuesOf(subject, bank, pcrs);
  const selected = pcrSelection(bank, pcrs);
  return {
    image: subject.image,
    platform: subject.platform,
    selection,
    pcrs: formatPcrSelection(selected),
    // One after the other: as bytes, what `tpm2_policypcr --pcr` takes.
    values: values.map(toHex).join(''),
    pcrDigest: toHex(pcrDigest(selected, values)),
    policy: toHex(policy),
  };
}

interface OrNode {
  readonly policy: Uint8Array;
  /** Absent where the policy is a PolicyPCR. */
  readonly branches?: readonly OrNode[];
}

/** PolicyOR takes eight branches: more of them become groups, whose policies are branches in turn. */
function orTree(policies: readonly Uint8Array[]): OrNode {
  let level: OrNode[] = policies.map((policy) => ({ policy }));
  while (level.length > 1) {
    const count = Math.ceil(level.length / POLICY_OR_BRANCHES.max);
    const chunks = Array.from({ length: count }, (_, i) =>
      level.slice(i * POLICY_OR_BRANCHES.max, (i + 1) * POLICY_OR_BRANCHES.max),
    );
    level = chunks.flatMap((chunk) =>
      chunk.length === 1 ? chunk : { policy: policyOr(chunk.map(({ policy }) => policy)), branches: chunk },
    );
  }
  return level[0] ?? { policy: new Uint8Array() };
}

function orJson({ policy, branches }: OrNode): { policy: string; branches?: unknown[] } {
  return { policy: toHex(policy), ...(branches && { branches: branches.map(orJson) }) };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}

function distinct(policies: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(policies.map((policy) => [toHex(policy), policy])).values()];
}
