import type { PredictionContext, RegisterAnswer } from './context.ts';

/** What PCR 10 covers. */
export const describePcr10 = (): string => 'Files that the kernel measures as it uses them (IMA)';

/** PCR 10 stays zero when the kernel is built without IMA; with it, the kernel extends it from its start on. */
export function predictPcr10({ kernel }: PredictionContext): RegisterAnswer {
  if (kernel.ima === false)
    return { status: 'predicted', reason: 'Zero: the kernel is built without IMA', events: [] };
  if (kernel.ima)
    return { status: 'unpredictable', reason: 'The kernel’s IMA extends it while the system runs' };
  return { status: 'host-dependent', reason: 'Whether the kernel is built with IMA is not known' };
}
