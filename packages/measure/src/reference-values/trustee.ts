import { toBase64 } from '../bytes/base64.ts';
import { fromHex } from '../bytes/hex.ts';
import { utf8 } from '../bytes/utf8.ts';
import type { HashName } from '../hash.ts';
import type { RecordedRegister } from '../predict/parse-json.ts';
import type { Technology } from '../predict/prediction.ts';
import { pinsProgram } from './anchor.ts';
import { encodeJson } from './encode.ts';
import type { Subject, Written } from './policy-file.ts';
import { covered, valueHex } from './subject.ts';
import { type TrusteeRule, trusteePolicy } from './trustee-rego.ts';

/** The claim that Trustee's verifier makes of a register, and how it writes the value. */
interface Claims {
  /** SHA-256 PCRs: the verifier reads no other bank. */
  readonly bank: HashName;
  readonly claim: (register: RecordedRegister) => string;
  /** The SNP verifier wrote the launch digest in base64, and in hex: both stand in the list. */
  readonly values: (hex: string) => readonly string[];
}

/** Names of parsed claims (Trustee deps/verifier/src/{tpm,tdx,snp}, policy `ear_default_policy_cpu.rego`). */
const claims: Readonly<Record<Technology, Claims>> = {
  tpm: {
    bank: 'sha256',
    claim: ({ registerIndex }) => `input.tpm.pcr${String(registerIndex).padStart(2, '0')}`,
    values: (hex) => [hex],
  },
  tdx: {
    bank: 'sha384',
    claim: ({ register }) =>
      `input.tdx.quote.body.${register === 'MRTD' ? 'mr_td' : `rtmr_${register.replace('RTMR', '')}`}`,
    values: (hex) => [hex],
  },
  snp: {
    bank: 'sha384',
    claim: () => 'input.snp.evidence.measurement',
    values: (hex) => [hex, toBase64(fromHex(hex))],
  },
};

/**
 * Trustee (CoCo): reference values for its RVPS, the same as a message that `rvps-tool register` takes, and an
 * attestation policy in Rego that compares the claims with them, all registers of a platform together.
 */
export function writeTrustee(subjects: readonly Subject[]): Written {
  const reasons = new Map(subjects.map((subject) => [subject, whyNot(subject)]));
  const usable = subjects.filter((subject) => reasons.get(subject) === undefined);
  const notWritten = [...reasons].flatMap(([{ image, platform }, reason]) =>
    reason === undefined ? [] : { image, platform, reason },
  );
  if (usable.length === 0) return { files: [], notWritten };
  const rules = usable.map(trusteeRule);
  const values = encodeJson(
    Object.fromEntries(
      rules.flatMap(({ comparisons }) => comparisons.map(({ name, values }) => [name, values])),
    ),
  );
  const common = {
    covers: usable.flatMap((subject) => covered(subject, subject.pinned, [claims[subject.technology].bank])),
    leavesOut: usable.flatMap(({ leftOut }) => leftOut),
  };
  const message = { version: '0.1.0', type: 'sample', payload: toBase64(values) };
  return {
    files: [
      { path: 'trustee/reference-values.json', bytes: values, ...common },
      { path: 'trustee/rvps-message.json', bytes: encodeJson(message), ...common },
      { path: 'trustee/policy.rego', bytes: utf8(trusteePolicy(rules)), ...common },
    ],
    notWritten,
  };
}

/** Why there is no rule for this platform. The rule's claim is that only approved executables were loaded. */
function whyNot(subject: Subject): string | undefined {
  if (!subject.banks.includes(claims[subject.technology].bank)) return 'Trustee reads SHA-256 PCRs alone';
  if (pinsProgram(subject)) return undefined;
  return `The policy claims that only approved executables were loaded, and ${unsaid[subject.technology]}`;
}

const unsaid: Readonly<Record<Technology, string>> = {
  tpm: 'without PCR4 nothing says which were',
  tdx: 'without RTMR1 nothing says which were',
  snp: 'this launch digest is that of the firmware alone',
};

function trusteeRule(subject: Subject): TrusteeRule {
  const { image, platform, technology, pinned, leftOut } = subject;
  const { bank, claim, values } = claims[technology];
  return {
    technology,
    title: `${image.name} ${image.version} on ${platform}`,
    comparisons: pinned.map((register) => ({
      claim: claim(register),
      name: `altee_${image.name}_${image.version}_${platform}_${register.register}`
        .replace(/[^A-Za-z0-9_]/g, '_')
        .toLowerCase(),
      values: values(valueHex(register, bank)),
    })),
    leftOut,
  };
}
