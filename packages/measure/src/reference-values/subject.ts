import { toHex } from '../bytes/hex.ts';
import { MeasureError } from '../error.ts';
import type { HashName } from '../hash.ts';
import type { RecordedPrediction, RecordedRegister } from '../predict/parse-json.ts';
import type { ImageIdentity } from '../predict/parse-measurements.ts';
import type { RegisterStatus } from '../predict/prediction.ts';
import type { Covered, LeftOut, Subject } from './policy-file.ts';

/** What a user chose to pin; everything that is predicted by default. */
export interface PolicyChoice {
  /** PCRs to pin; of other technologies all registers are taken. */
  readonly pcrs?: readonly number[] | undefined;
  /** Banks to pin, where a dialect takes several. */
  readonly banks?: readonly HashName[] | undefined;
}

const whyNot: Readonly<Record<Exclude<RegisterStatus, 'predicted'>, string>> = {
  assumed: 'Its value rests on a rule that was never compared with a real machine',
  'host-dependent': 'It depends on facts about the machine that are not known',
  unpredictable: 'It cannot be known before a boot',
  'not-predicted': 'This version of altee has no rules for it',
};

/**
 * The registers of one platform that a policy may pin: `predicted` ones, and no other. Throws `not-found` when a PCR
 * was asked for that isn't among them.
 */
export function policySubject(
  image: ImageIdentity,
  platform: string,
  kind: string,
  prediction: RecordedPrediction,
  choice: PolicyChoice,
  stem: string,
): Subject {
  const { technology, registers } = prediction;
  const chosen = technology === 'tpm' ? choice.pcrs : undefined;
  for (const pcr of chosen ?? []) requirePredicted(registers, pcr, platform);
  const isWanted = (register: RecordedRegister) =>
    chosen === undefined || chosen.includes(register.registerIndex);
  const banks = prediction.banks.filter(
    (bank) => technology !== 'tpm' || (choice.banks?.includes(bank) ?? true),
  );
  if (banks.length === 0)
    throw new MeasureError('not-found', `"${platform}" has none of the banks asked for`);
  return {
    image,
    platform,
    kind,
    technology,
    isChosen: chosen !== undefined,
    banks,
    stem,
    pinned: registers.filter((register) => register.status === 'predicted' && isWanted(register)),
    leftOut: registers.flatMap((register): LeftOut[] => {
      const { status, reason } = register;
      if (status !== 'predicted')
        return [{ image, platform, register: register.register, reason: `${whyNot[status]}: ${reason}` }];
      return isWanted(register)
        ? []
        : [{ image, platform, register: register.register, reason: 'Not asked for' }];
    }),
  };
}

function requirePredicted(registers: readonly RecordedRegister[], pcr: number, platform: string): void {
  const register = registers.find(({ registerIndex }) => registerIndex === pcr);
  if (register?.status === 'predicted') return;
  const why = register ? `${whyNot[register.status]}: ${register.reason}` : 'There is no such register';
  throw new MeasureError('not-found', `PCR ${pcr} of "${platform}" cannot be pinned. ${why}`);
}

/** The register's value in hex. Throws `not-found` where the prediction has no such bank. */
export function valueHex({ register, values }: RecordedRegister, bank: HashName): string {
  const value = values[bank];
  if (!value) throw new MeasureError('not-found', `${register} has no value in bank ${bank}`);
  return toHex(value);
}

/** What a file covers that pins these registers in these banks. */
export function covered(
  { image, platform }: Subject,
  registers: readonly RecordedRegister[],
  banks: readonly HashName[],
): Covered[] {
  return registers.map(({ register }) => ({ image, platform, register, banks }));
}

/** `hello 0.1.0 on lab`. */
export function subjectTitle({ image, platform }: Pick<Subject, 'image' | 'platform'>): string {
  return `${image.name} ${image.version} on ${platform}`;
}
