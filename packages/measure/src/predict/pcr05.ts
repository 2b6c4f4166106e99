import { actions } from '../tcg/event-data.ts';
import { encodeGptEvent, type Gpt } from '../uefi/gpt.ts';
import { type PredictionContext, pcrEvent, type RegisterAnswer } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { separator } from './separator.ts';

/** What PCR 5 covers. */
export const describePcr05 = (): string =>
  'The disk’s partition table, and that firmware handed over to the kernel';

/** PCR 5: separator, the partition table of the boot disk, the two exit actions. */
export function predictPcr05(context: PredictionContext): RegisterAnswer {
  const { gpt } = context;
  if (!gpt) {
    return {
      status: 'host-dependent',
      reason: 'The partition table of the boot disk is measured here, and no disk was given',
    };
  }
  return {
    status: 'predicted',
    reason:
      gpt === 'none' ? 'The boot disk has no partition table' : 'The boot disk’s partition table is known',
    events: [
      separator(context, 5),
      ...(gpt === 'none' ? [] : [partitionTable(context, gpt)]),
      exitAction(context, actions.exitBootServicesInvocation, 'Exit Boot Services Invocation'),
      exitAction(context, actions.exitBootServicesSuccess, 'Exit Boot Services Returned with Success'),
    ],
  };
}

function partitionTable(context: PredictionContext, gpt: Gpt): PredictedEvent {
  const data = encodeGptEvent(gpt);
  return pcrEvent(context, 5, {
    stage: 'partition-table',
    eventType: 'EV_EFI_GPT_EVENT',
    measured: [data],
    data,
    source: { kind: 'partition-table', partitions: gpt.partitions.length },
    clause: 'PC Client Platform Firmware Profile 1.06, 10.2.5',
    dependsOn: ['partition-table'],
    description: `partition table of disk ${gpt.diskGuid}: header and ${gpt.partitions.length} used entries`,
  });
}

function exitAction(context: PredictionContext, data: Uint8Array, text: string): PredictedEvent {
  return pcrEvent(context, 5, {
    stage: 'exit-boot-services',
    eventType: 'EV_EFI_ACTION',
    measured: [data],
    data,
    source: { kind: 'constant', text },
    clause: 'PC Client Platform Firmware Profile 1.06, 3.3.4.6',
    dependsOn: ['firmware', 'kernel'],
    description: text,
  });
}
