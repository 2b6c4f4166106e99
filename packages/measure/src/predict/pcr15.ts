import type { RegisterAnswer } from './context.ts';

/** What PCR 15 covers. */
export const describePcr15 = (): string => 'What the running system extends: machine identity, volume keys';

/** PCR 15 stays zero: nothing extends it before the application starts. */
export function predictPcr15(): RegisterAnswer {
  return {
    status: 'predicted',
    reason: 'Zero: nothing extends it before the application starts',
    events: [],
  };
}
