import type { PredictionContext, RegisterAnswer } from './context.ts';

/** What PCR 13 covers. */
export const describePcr13 = (): string => 'System extensions that the stub passes on';

/** PCR 13 stays zero under a stub that is known: no extension lies beside the image. */
export function predictPcr13({ stub }: PredictionContext): RegisterAnswer {
  if ('unknown' in stub) return { status: 'unpredictable', reason: stub.unknown };
  return { status: 'predicted', reason: 'Zero: no system extension lies beside the image', events: [] };
}
