import type { RecordedRegister } from '../predict/parse-json.ts';
import { encodeJson } from './encode.ts';
import type { LeftOut, Subject, Written } from './policy-file.ts';
import { covered, valueHex } from './subject.ts';

/** PCRs that Keylime refuses in a policy, and why (keylime/tpm/tpm_util.py `readPolicy`; config `IMA_PCR`, `TPM_DATA_PCR`). */
const refused: Readonly<Record<number, string>> = {
  10: 'Keylime refuses PCR 10 in a TPM policy: it compares it with the log of IMA',
  16: 'Keylime refuses PCR 16 in a TPM policy: it extends it itself',
};

/** What an agent quotes unless it is configured otherwise (`tpm_hash_alg`). */
const BANK = 'sha256';

/**
 * Keylime's TPM policy, one file a platform: PCR → list of accepted values in hex. The tenant adds the mask. PCRs
 * that it doesn't name are not compared.
 */
export function writeKeylimeTpmPolicy(subjects: readonly Subject[]): Written {
  const usable = subjects.filter(({ banks, pinned }) => banks.includes(BANK) && pinned.some(isCompared));
  return {
    files: usable.map((subject) => {
      const { image, platform, stem, pinned, leftOut } = subject;
      const accepted = pinned.filter(isCompared);
      const policy = accepted.map((register) => [register.registerIndex, [valueHex(register, BANK)]]);
      return {
        path: `keylime/${stem}.tpm-policy.json`,
        bytes: encodeJson(Object.fromEntries(policy)),
        covers: covered(subject, accepted, [BANK]),
        leavesOut: [
          ...leftOut,
          ...pinned.flatMap(({ register, registerIndex }): LeftOut[] => {
            const reason = refused[registerIndex];
            return reason === undefined ? [] : [{ image, platform, register, reason }];
          }),
        ],
      };
    }),
    notWritten: subjects
      .filter((subject) => !usable.includes(subject))
      .map(({ image, platform, banks, pinned }) => ({
        image,
        platform,
        reason: banks.includes(BANK) ? notCompared(pinned) : 'Keylime agents quote SHA-256 PCRs',
      })),
  };
}

function isCompared({ registerIndex }: RecordedRegister): boolean {
  return refused[registerIndex] === undefined;
}

/** Why a file that would name none of these is not written: it would accept every machine. */
export function notCompared(registers: readonly RecordedRegister[]): string {
  const pcrs = registers.map(({ registerIndex }) => `PCR ${registerIndex}`).join(' or ');
  return `Keylime does not compare ${pcrs}, and a policy that pins nothing accepts anything`;
}
