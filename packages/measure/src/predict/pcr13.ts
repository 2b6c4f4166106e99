import type { PredictionContext, RegisterAnswer } from './context.ts';
import { archiveEvent } from './sidecar-event.ts';
import { stubInputs } from './stub-inputs.ts';

/** What PCR 13 covers. */
export const describePcr13 = (): string => 'System extensions that the stub passes on';

/** PCR 13: zero, unless a system extension lies beside the image. */
export function predictPcr13(context: PredictionContext): RegisterAnswer {
  if ('unknown' in context.stub) return { status: 'unpredictable', reason: context.stub.unknown };
  const events = stubInputs(context, context.stub.value)
    .archives.filter(({ sidecar }) => sidecar.pcr === 13)
    .map((archive) => archiveEvent(context, archive));
  if (events.length === 0)
    return { status: 'predicted', reason: 'Zero: no system extension lies beside the image', events };
  return { status: 'predicted', reason: 'The system extensions beside the image are known', events };
}
