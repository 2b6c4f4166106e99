import { toHex } from '../bytes/hex.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { defaultHasher, type Hasher, type HashName, hash } from '../hash.ts';
import type { RecordedPrediction } from '../predict/parse-json.ts';
import { extendPcr } from './pcr.ts';
import { policyPcr } from './policy.ts';
import { pcrSelection } from './selection.ts';

/** systemd measures boot phases to the PCR of the stub's sections (`TPM2_PCR_KERNEL_BOOT`). */
const KERNEL_BOOT_PCR = 11;

/** One policy to be signed: PCR 11 of one bank when one phase is reached. */
export interface PcrPhasePolicy {
  readonly bank: HashName;
  /** Words joined by colons, `enter-initrd:leave-initrd`; empty before the first. */
  readonly phase: string;
  /** Value of PCR 11 in that phase. */
  readonly value: Uint8Array;
  /** PolicyPCR digest, SHA-256 whatever the bank: this is signed. */
  readonly policy: Uint8Array;
}

/**
 * The policies of systemd's signed PCR policy, phase by phase and bank by bank, in the order of systemd-measure.
 * Each word of a phase is extended as H(word) without NUL (systemd src/measure/measure-tool.c `measure_phase`).
 * Throws `not-found` when PCR 11 is not predicted, and `malformed` for a phase that is no list of words.
 */
export function pcrPhasePolicies(
  prediction: RecordedPrediction,
  phases: readonly string[],
  banks: readonly HashName[],
  hasher: Hasher = defaultHasher,
): PcrPhasePolicy[] {
  const register = prediction.registers.find((each) => each.register === `PCR${KERNEL_BOOT_PCR}`);
  if (register?.status !== 'predicted') {
    const why = register ? `${register.status}: ${register.reason}` : 'the machine has none';
    throw new MeasureError('not-found', `PCR 11 is not predicted (${why}), and nothing else is signed`);
  }
  return phases.flatMap((phase) =>
    banks.map((bank): PcrPhasePolicy => {
      const start = register.values[bank];
      if (!start) throw new MeasureError('not-found', `The prediction has no bank ${bank}`);
      const value = phaseWords(phase).reduce(
        (pcr, word) => extendPcr(hasher, bank, pcr, hash(hasher, bank, ascii(word))),
        start,
      );
      const policy = policyPcr(pcrSelection(bank, [KERNEL_BOOT_PCR]), [value], { hasher });
      return { bank, phase, value, policy };
    }),
  );
}

function phaseWords(phase: string): string[] {
  const words = phase.split(':').filter((word) => word !== '');
  const wrong = words.find((word) => !/^[a-z0-9-]+$/.test(word));
  if (wrong !== undefined)
    throw new MeasureError('malformed', `No word of a boot phase: "${wrong.slice(0, 40)}"`);
  return words;
}

/** A policy and its signature. */
export interface SignedPcrPolicy {
  readonly bank: HashName;
  readonly policy: Uint8Array;
  /** Standard base64 of the RSASSA-PKCS1-v1_5 signature with SHA-256 over the policy's bytes. */
  readonly signature: string;
}

/**
 * The JSON of a `.pcrsig` section or `tpm2-pcr-signature.json`, as `systemd-measure sign` writes it and systemd reads
 * it from `/.extra`: bank → list of PCR mask, SHA-256 of the public key, policy, signature. Equal entries stand once.
 * `publicKeyFingerprint` is SHA-256 of the key's DER.
 */
export function encodePcrSignature(
  entries: readonly SignedPcrPolicy[],
  publicKeyFingerprint: Uint8Array,
): string {
  const banks = new Map<HashName, Map<string, unknown>>();
  for (const { bank, policy, signature } of entries) {
    const pol = toHex(policy);
    const list = banks.get(bank) ?? new Map<string, unknown>();
    list.set(pol, { pcrs: [KERNEL_BOOT_PCR], pkfp: toHex(publicKeyFingerprint), pol, sig: signature });
    banks.set(bank, list);
  }
  return JSON.stringify(Object.fromEntries([...banks].map(([bank, list]) => [bank, [...list.values()]])));
}
