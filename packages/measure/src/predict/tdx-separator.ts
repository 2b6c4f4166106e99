import { separatorData } from '../tcg/event-data.ts';
import type { PredictedEvent } from './prediction.ts';
import { rtmrEvent, type TdxContext } from './tdx-context.ts';

/** The event with which firmware closes its own part of an RTMR. */
export function separatorEvent(
  context: TdxContext,
  rtmr: number,
  stage: 'variables' | 'separators',
): PredictedEvent {
  return rtmrEvent(context, rtmr, {
    stage,
    eventType: 'EV_SEPARATOR',
    measured: separatorData,
    data: separatorData,
    source: { kind: 'constant', text: 'four zero bytes' },
    clause: 'edk2 OvmfPkg/Tcg/TdTcg2Dxe `MeasureSeparatorEvent`',
    dependsOn: ['firmware'],
    description: 'separator: firmware is done with its own part of the register',
  });
}
