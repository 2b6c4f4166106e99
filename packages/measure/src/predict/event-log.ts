import { encodeEventLog } from '../tcg/encode.ts';
import { type EventTypeName, eventTypes } from '../tcg/event-type.ts';
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
    events: predictedEvents(prediction).flatMap(
      ({ registerIndex, eventType, digests, data }) =>
        eventType in eventTypes
          ? {
              registerIndex,
              untrustedEventType: eventTypes[eventType as EventTypeName],
              digests: new Map(Object.entries(digests)),
              untrustedData: data,
            }
          : [], // What is measured at launch stands in no log.
    ),
  });
}
