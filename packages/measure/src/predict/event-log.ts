import { ascii } from '../bytes/text.ts';
import { digestSizes } from '../hash.ts';
import { encodeEventLog } from '../tcg/encode.ts';
import type { EventLogContents } from '../tcg/event-log.ts';
import { type EventTypeName, eventTypes } from '../tcg/event-type.ts';
import { tpmHashAlgorithms } from '../tpm/bank.ts';
import { type PredictedEvent, type Prediction, predictedEvents } from './prediction.ts';

/**
 * The predicted events as a TCG2 binary log, in the order of the boot. It holds the events of the `predicted` and
 * `assumed` registers only; replaying it gives their values.
 */
export function predictedEventLog(prediction: Prediction): Uint8Array {
  const algorithms = tpmHashAlgorithms.filter(({ name }) => prediction.banks.some((bank) => bank === name));
  return encodeEventLog({
    headerIndex: prediction.technology === 'tdx' ? 1 : 0,
    algorithms,
    events: [
      ...startupLocality(prediction),
      ...predictedEvents(prediction).flatMap((event) => {
        const untrustedEventType = eventTypeNumber(event);
        if (untrustedEventType === undefined) return [];
        const { registerIndex, digests, data } = event;
        return {
          registerIndex,
          untrustedEventType,
          digests: new Map(Object.entries(digests)),
          untrustedData: data,
        };
      }),
    ],
  });
}

/** `undefined` for what is measured at launch: it stands in no log. */
function eventTypeNumber({ eventType }: PredictedEvent): number | undefined {
  if (eventType in eventTypes) return eventTypes[eventType as EventTypeName];
  return eventType.startsWith('0x') ? Number(eventType) : undefined;
}

/** Tells replay what PCR 0 starts from (PC Client Platform Firmware Profile 1.06, 10.4.5.3). */
function startupLocality({ banks, registers }: Prediction): EventLogContents['events'] {
  const locality = registers.find(({ register }) => register === 'PCR0')?.startupLocality;
  if (locality === undefined) return [];
  return [
    {
      registerIndex: 0,
      untrustedEventType: eventTypes.EV_NO_ACTION,
      digests: new Map(banks.map((bank) => [bank, new Uint8Array(digestSizes[bank])])),
      untrustedData: Uint8Array.of(...ascii('StartupLocality\0'), locality),
    },
  ];
}
