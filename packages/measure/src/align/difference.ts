import type { PredictedEvent } from '../predict/prediction.ts';

/**
 * Where the events of a register first part. `index` counts from 0 and is the same on both sides, as everything
 * before is equal.
 *
 * - `changed`: another digest stands where the predicted one should.
 * - `extra`: an event that was not predicted; the predicted one, if any is left, comes later.
 * - `missing`: the predicted event did not happen; what was observed is predicted for later, or the end was reached.
 * - `moved`: the two events stand in each other's order.
 */
export type Difference = { readonly index: number } & (
  | { readonly kind: 'changed'; readonly predicted: PredictedEvent; readonly observed: string }
  | { readonly kind: 'extra'; readonly predicted: PredictedEvent | undefined; readonly observed: string }
  | { readonly kind: 'missing'; readonly predicted: PredictedEvent; readonly observed: string | undefined }
  | { readonly kind: 'moved'; readonly predicted: PredictedEvent; readonly observed: string }
);

/**
 * The first difference between predicted and observed digests (hex, of one bank), or `undefined` when there is none.
 * `events` are the predicted events, in the order of `predicted`. An observed digest that is unknown counts as equal.
 */
export function findDifference(
  predicted: readonly (string | undefined)[],
  observed: readonly (string | undefined)[],
  events: readonly PredictedEvent[],
): Difference | undefined {
  for (let index = 0; index < Math.max(predicted.length, observed.length); index++) {
    const event = events[index];
    const digest = observed[index];
    if (event && index >= observed.length)
      return { kind: 'missing', index, predicted: event, observed: undefined };
    if (digest === undefined || digest === predicted[index]) continue;
    if (!event) return { kind: 'extra', index, predicted: undefined, observed: digest };
    return { index, predicted: event, observed: digest, kind: kindOf(predicted, observed, index) };
  }
  return undefined;
}

function kindOf(
  predicted: readonly (string | undefined)[],
  observed: readonly (string | undefined)[],
  index: number,
): Exclude<Difference['kind'], undefined> {
  const predictedComesLater = observed.includes(predicted[index], index + 1);
  const observedIsPredictedLater = predicted.includes(observed[index], index + 1);
  if (predictedComesLater && observedIsPredictedLater) return 'moved';
  if (predictedComesLater) return 'extra';
  return observedIsPredictedLater ? 'missing' : 'changed';
}
