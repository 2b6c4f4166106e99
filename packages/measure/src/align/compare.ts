import { fromHex, toHex } from '../bytes/hex.ts';
import { defaultHasher, type Hasher, type HashName } from '../hash.ts';
import type { PredictedEvent, Prediction, RegisterName, RegisterPrediction } from '../predict/prediction.ts';
import { replayPcr } from '../tpm/pcr.ts';
import { type Difference, findDifference } from './difference.ts';
import type { ObservedMeasurements } from './observed.ts';

/** How one register of a machine stands to its prediction. */
export type RegisterComparison = {
  readonly register: RegisterName;
  readonly registerIndex: number;
  /** One line that says how it stands and why, without full stop. */
  readonly reason: string;
} & (
  | { readonly status: 'equal'; readonly banks: readonly HashName[] }
  | {
      readonly status: 'different';
      /** Banks whose values differ, with both values in hex. */
      readonly values: readonly {
        readonly bank: HashName;
        readonly predicted: string;
        readonly observed: string;
      }[];
      /** The first event that differs; absent when the extensions agree and only the value doesn't. */
      readonly difference: Difference | undefined;
    }
  | { readonly status: 'not-predicted' }
  | { readonly status: 'not-observed' }
);

/**
 * Compares each predicted register with what a machine's TPM went through, bank by bank. The answer is `equal` only when
 * every bank that was both predicted and observed agrees.
 */
export function compareRegisters(
  prediction: Prediction,
  observed: ObservedMeasurements,
  hasher: Hasher = defaultHasher,
): RegisterComparison[] {
  const banks = prediction.banks.filter((bank) => isObserved(bank, observed));
  return prediction.registers.map((register) => compareRegister(register, observed, banks, hasher));
}

function isObserved(bank: HashName, { extends: all, values }: ObservedMeasurements): boolean {
  return values?.[bank] !== undefined || (all ?? []).some(({ digests }) => digests[bank] !== undefined);
}

function compareRegister(
  prediction: RegisterPrediction,
  observed: ObservedMeasurements,
  banks: readonly HashName[],
  hasher: Hasher,
): RegisterComparison {
  const { register, registerIndex, status, events } = prediction;
  const common = { register, registerIndex };
  if (status !== 'predicted' && status !== 'assumed') {
    const reason = status === 'not-predicted' ? prediction.reason : `${status}: ${prediction.reason}`;
    return { ...common, status: 'not-predicted', reason };
  }

  const compared = banks.flatMap((bank) => {
    const predicted = hex(prediction.values[bank]);
    const seen = observedValue(observed, bank, registerIndex, hasher);
    return predicted === undefined || seen === undefined ? [] : [{ bank, predicted, observed: seen }];
  });
  if (compared.length === 0) {
    return {
      ...common,
      status: 'not-observed',
      reason: 'No bank of this register was both predicted and observed',
    };
  }

  const extensions = observed.extends?.filter((each) => each.registerIndex === registerIndex);
  const values = compared.filter((each) => each.predicted !== each.observed);
  if (values.length === 0) {
    const what = ['never extended', '1 event'][events.length] ?? `${events.length} events`;
    return {
      ...common,
      status: 'equal',
      banks: compared.map(({ bank }) => bank),
      reason: `${what}, as predicted`,
    };
  }
  const difference =
    extensions &&
    values
      .map(({ bank }) => {
        const digests = extensions.map((each) => each.digests[bank]);
        return findDifference(digestsOf(events, bank), digests, events);
      })
      .find((each) => each !== undefined);
  const reason = !extensions
    ? 'The value differs, and the extensions are not known'
    : difference
      ? explain(difference)
      : (explainStart(prediction, observed) ??
        'The observed extensions are the predicted ones, but do not give the value that was read');
  return { ...common, status: 'different', values, difference, reason };
}

/** The value that was read, or that the extensions give. */
function observedValue(
  observed: ObservedMeasurements,
  bank: HashName,
  registerIndex: number,
  hasher: Hasher,
): string | undefined {
  const read = observed.values?.[bank]?.[registerIndex];
  if (read !== undefined) return read.toLowerCase();
  const extensions = observed.extends?.filter((each) => each.registerIndex === registerIndex);
  const digests = extensions?.map((each) => each.digests[bank]);
  if (!digests?.every((digest) => digest !== undefined)) return undefined;
  const locality = registerIndex === 0 ? observed.startupLocality : 0;
  return toHex(replayPcr(hasher, bank, digests.map(fromHex), locality));
}

function digestsOf(events: readonly PredictedEvent[], bank: HashName): (string | undefined)[] {
  return events.map(({ digests }) => hex(digests[bank]));
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && toHex(bytes);
}

/** PCR 0 alone can start from something else than zeros. */
function explainStart(
  { registerIndex, startupLocality: predicted = 0 }: RegisterPrediction,
  { startupLocality: observed = 0 }: ObservedMeasurements,
): string | undefined {
  if (registerIndex !== 0 || predicted === observed) return undefined;
  return `The extensions are the predicted ones, but the register started from ${observed} and not from ${predicted} (start-up locality)`;
}

function explain(difference: Difference): string {
  const number = difference.index + 1;
  switch (difference.kind) {
    case 'changed':
      return `Event ${number} differs: ${difference.predicted.description}`;
    case 'extra':
      return difference.predicted
        ? `Event ${number} is extra; ${difference.predicted.description} comes after it`
        : `Event ${number} is extra: nothing more was predicted`;
    case 'missing':
      return `Event ${number} is missing: ${difference.predicted.description}`;
    case 'moved':
      return `Event ${number} comes in another place: ${difference.predicted.description}`;
  }
}
