import type { RegisterAnswer } from './context.ts';

/** What PCR 1 covers. */
export const describePcr01 = (): string =>
  'The machine’s configuration: ACPI and SMBIOS tables, boot options';

/** PCR 1: there are no rules yet. */
export function predictPcr01(): RegisterAnswer {
  return {
    status: 'not-predicted',
    reason: 'The rules for what firmware measures here are not implemented in this version',
  };
}
