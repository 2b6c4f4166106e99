import type { RegisterAnswer } from './context.ts';

/** What PCR 14 covers. */
export const describePcr14 = (): string => 'Machine owner keys (shim)';

/** PCR 14 stays zero: no part of this boot path extends it. */
export function predictPcr14(): RegisterAnswer {
  return { status: 'predicted', reason: 'Zero: no shim is in the boot path', events: [] };
}
