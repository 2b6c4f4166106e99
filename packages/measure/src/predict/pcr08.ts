import type { RegisterAnswer } from './context.ts';

/** What PCR 8 covers. */
export const describePcr08 = (): string => 'Boot loader commands (GRUB)';

/** PCR 8 stays zero: no part of this boot path extends it. */
export function predictPcr08(): RegisterAnswer {
  return { status: 'predicted', reason: 'Zero: no GRUB is in the boot path', events: [] };
}
