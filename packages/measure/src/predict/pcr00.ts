import type { RegisterAnswer } from './context.ts';

/** What PCR 0 covers. */
export const describePcr00 = (): string => 'The firmware’s own code';

/** PCR 0: there are no rules yet. */
export function predictPcr00(): RegisterAnswer {
  return {
    status: 'not-predicted',
    reason: 'The rules for what firmware measures here are not implemented in this version',
  };
}
