import type { ObservedMeasurements, RegisterComparison } from '@altee/measure';
import type { TpmView } from './tpm-view.ts';

/** The TPM's view in the form that predictions are compared with; PCR values are the replayed ones, bank by bank. */
export function observedMeasurements(view: TpmView): ObservedMeasurements {
  const banks = Object.entries(view.pcrs).map(([bank, values]) => [
    bank,
    Object.fromEntries(values.map((value, pcr) => [pcr, value])),
  ]);
  const extensions = view.extends.map(({ pcr, digests }) => ({ registerIndex: pcr, digests }));
  return { extends: extensions, values: Object.fromEntries(banks) };
}

/**
 * Takes back each `equal` where the TPM's log was not understood whole: what was missed may have changed any
 * register, so nothing is proven.
 */
export function withoutDoubt(
  registers: readonly RegisterComparison[],
  { uninterpreted }: Pick<TpmView, 'uninterpreted'>,
): RegisterComparison[] {
  if (uninterpreted.length === 0) return [...registers];
  return registers.map((comparison): RegisterComparison => {
    const { register, registerIndex, status } = comparison;
    if (status !== 'equal') return comparison;
    return {
      register,
      registerIndex,
      status: 'not-observed',
      reason: "The TPM's log is not fully understood",
    };
  });
}
