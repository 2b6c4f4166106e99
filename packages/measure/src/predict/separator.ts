import { separatorData } from '../tcg/event-data.ts';
import { type PredictionContext, pcrEvent } from './context.ts';
import type { PredictedEvent } from './prediction.ts';

/** The event with which firmware closes its own part of PCR 0 to 7. */
export function separator(context: PredictionContext, pcr: number): PredictedEvent {
  return pcrEvent(context, pcr, {
    stage: 'separators',
    eventType: 'EV_SEPARATOR',
    measured: [separatorData],
    data: separatorData,
    source: { kind: 'constant', text: 'four zero bytes' },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.2',
    dependsOn: ['firmware'],
    description: 'separator: firmware is done with its own part of the register',
  });
}
