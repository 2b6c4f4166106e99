import { MeasureError } from '../error.ts';
import { defaultHasher, digestSizes, type Hasher, type HashName, hash } from '../hash.ts';
import { encodePcrSelection, type PcrSelection } from './selection.ts';

/** Command codes (TPM 2.0 Library part 2, table 12). */
const commandCodes = { PolicyAuthorize: 0x16a, PolicyOR: 0x171, PolicyPCR: 0x17f } as const;

/** A policy is a digest of one algorithm; sessions and sealed objects of the TPM2 tools and systemd use SHA-256. */
export interface PolicyDigestOptions {
  /** The session's hash algorithm, which need not be the PCRs' bank. SHA-256 by default. */
  readonly algorithm?: HashName | undefined;
  readonly hasher?: Hasher | undefined;
}

/**
 * Digest of the selected PCRs' values as TPM2_PolicyPCR and TPM2_Quote take it: H(values, ascending by index). Throws
 * `malformed` unless there is one value of the bank's size for each selected PCR.
 */
export function pcrDigest(
  selection: PcrSelection,
  values: readonly Uint8Array[],
  { algorithm = 'sha256', hasher = defaultHasher }: PolicyDigestOptions = {},
): Uint8Array {
  const size = digestSizes[selection.bank];
  if (values.length !== selection.pcrs.length || values.some(({ length }) => length !== size)) {
    throw new MeasureError(
      'malformed',
      `${selection.pcrs.length} values of ${size} bytes are needed, one for each selected PCR`,
    );
  }
  return hash(hasher, algorithm, ...values);
}

/**
 * The policy after TPM2_PolicyPCR in a fresh session (TPM 2.0 Library part 3, 23.7):
 * H(zeros ‖ TPM_CC_PolicyPCR ‖ TPML_PCR_SELECTION ‖ digest of the values).
 */
export function policyPcr(
  selection: PcrSelection,
  values: readonly Uint8Array[],
  options: PolicyDigestOptions = {},
): Uint8Array {
  const { algorithm = 'sha256', hasher = defaultHasher } = options;
  return hash(
    hasher,
    algorithm,
    new Uint8Array(digestSizes[algorithm]),
    commandCode('PolicyPCR'),
    encodePcrSelection(selection),
    pcrDigest(selection, values, options),
  );
}

/** TPML_DIGEST holds no more (TPM 2.0 Library part 2, 10.9.5), TPM2_PolicyOR takes no fewer (part 3, 23.6.1). */
export const POLICY_OR_BRANCHES = { min: 2, max: 8 } as const;

/**
 * The policy after TPM2_PolicyOR (TPM 2.0 Library part 3, 23.6): H(zeros ‖ TPM_CC_PolicyOR ‖ branches in order). The
 * session's policy must be one of the branches; which one is forgotten. Throws `malformed` for fewer than two
 * branches or more than eight, and for a branch of another size.
 */
export function policyOr(branches: readonly Uint8Array[], options: PolicyDigestOptions = {}): Uint8Array {
  const { algorithm = 'sha256', hasher = defaultHasher } = options;
  const { min, max } = POLICY_OR_BRANCHES;
  if (branches.length < min || branches.length > max)
    throw new MeasureError(
      'malformed',
      `PolicyOR takes ${min} to ${max} branches, and not ${branches.length}`,
    );
  if (branches.some(({ length }) => length !== digestSizes[algorithm]))
    throw new MeasureError('malformed', `Each branch of PolicyOR is a ${algorithm} digest`);
  return hash(
    hasher,
    algorithm,
    new Uint8Array(digestSizes[algorithm]),
    commandCode('PolicyOR'),
    ...branches,
  );
}

/**
 * The policy after TPM2_PolicyAuthorize (TPM 2.0 Library part 3, 23.16): whatever the holder of the key signs.
 * H(H(zeros ‖ TPM_CC_PolicyAuthorize ‖ key's Name) ‖ policyRef). `keyName` is the Name that the TPM gives the loaded
 * public key; systemd's `policyRef` is empty.
 */
export function policyAuthorize(
  keyName: Uint8Array,
  policyRef: Uint8Array = new Uint8Array(),
  { algorithm = 'sha256', hasher = defaultHasher }: PolicyDigestOptions = {},
): Uint8Array {
  const zeros = new Uint8Array(digestSizes[algorithm]);
  const inner = hash(hasher, algorithm, zeros, commandCode('PolicyAuthorize'), keyName);
  return hash(hasher, algorithm, inner, policyRef);
}

function commandCode(command: keyof typeof commandCodes): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, commandCodes[command]);
  return bytes;
}
