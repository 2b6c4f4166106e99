import type { RegisterAnswer } from './context.ts';

/** What PCR 13 covers. */
export const describePcr13 = (): string => 'System extensions that the stub passes on';

/** PCR 13 stays zero: no extension lies beside the image. */
export function predictPcr13(): RegisterAnswer {
  return { status: 'predicted', reason: 'Zero: no system extension lies beside the image', events: [] };
}
