import type { HashName } from '../hash.ts';
import { describeEvent } from '../tcg/describe-event.ts';
import type { LoggedEvent } from '../tcg/event-log.ts';
import { type EventTypeName, eventTypeName } from '../tcg/event-type.ts';
import type { BootStage, PredictedEvent, UnnamedEventType } from './prediction.ts';

/** An event of a reference log as it will happen again; altee computed nothing of it. */
export function copiedEvent(
  event: LoggedEvent,
  banks: readonly HashName[],
  stage: BootStage,
): PredictedEvent {
  const { index, registerIndex, untrustedEventType, untrustedData } = event;
  return {
    register: `PCR${registerIndex}`,
    registerIndex,
    stage,
    // `eventTypeName` gives a name of the specification, or the number.
    eventType: eventTypeName(untrustedEventType) as EventTypeName | UnnamedEventType,
    digests: Object.fromEntries(banks.map((bank) => [bank, event.digests.get(bank) ?? new Uint8Array(0)])),
    data: untrustedData,
    dataIsExact: true,
    source: { kind: 'reference-log', index },
    clause: 'the reference log',
    dependsOn: ['reference-log'],
    description: `as in the reference log: ${describeEvent(event).text}`,
  };
}
