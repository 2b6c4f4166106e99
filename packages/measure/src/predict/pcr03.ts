import type { PredictionContext, RegisterAnswer } from './context.ts';
import { predictPcr02 } from './pcr02.ts';
import { separator } from './separator.ts';

/** What PCR 3 covers. */
export const describePcr03 = (): string => 'Configuration of the drivers that devices bring';

/** PCR 3: only the separator, under the same condition as PCR 2. */
export function predictPcr03(context: PredictionContext): RegisterAnswer {
  const drivers = predictPcr02(context);
  return drivers.status === 'predicted' ? { ...drivers, events: [separator(context, 3)] } : drivers;
}
