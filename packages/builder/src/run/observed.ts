import type { ObservedMeasurements } from '@altee/measure';
import type { TpmView } from './tpm-view.ts';

/** The TPM's view in the form that predictions are compared with; PCR values are the replayed ones, bank by bank. */
export function observedMeasurements(view: TpmView): ObservedMeasurements {
  const banks = Object.entries(view.pcrs).map(([bank, values]) => [
    bank,
    Object.fromEntries(values.map((value, pcr) => [pcr, value])),
  ]);
  return { extends: view.extends, values: Object.fromEntries(banks) };
}
