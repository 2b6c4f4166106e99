import type { RegisterAnswer } from './context.ts';

/** What PCR 10 covers. */
export const describePcr10 = (): string => 'Files that the kernel measures (IMA)';

/** PCR 10 stays zero: no part of this boot path extends it. */
export function predictPcr10(): RegisterAnswer {
  return { status: 'predicted', reason: 'Zero: the kernel has no IMA policy', events: [] };
}
