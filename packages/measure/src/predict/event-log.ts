import { encodeEventLog } from '../tcg/encode.ts';
import { eventTypes } from '../tcg/event-type.ts';
import { tpmHashAlgorithms } from '../tpm/bank.ts';
import { type Prediction, predictedEvents } from './prediction.ts';

/**
 * The predicted events as a TCG2 binary log, in the order of the boot. It holds the events of the `predicted`
 * registers only; replaying it gives their values.
 */
export function predictedEventLog(prediction: Prediction): Uint8Array {
  const algorithms = tpmHashAlgorithms.filter(({ name }) => prediction.banks.some((bank) => bank === name));
  return encodeEventLog({
    algorithms,
    events: predictedEvents(prediction).map(({ pcr, eventType, digests, data }) => ({
      pcr,
      untrustedEventType: eventTypes[eventType],
      digests: new Map(Object.entries(digests)),
      untrustedData: data,
    })),
  });
}
