import type { PredictionContext, RegisterAnswer } from './context.ts';
import { predictPcr02 } from './pcr02.ts';
import { separator } from './separator.ts';

/** What PCR 3 covers. */
export const describePcr03 = (): string => 'Configuration of the drivers that devices bring';

/** PCR 3: only the separator, where PCR 2 is known: no driver that was looked at measures its configuration. */
export function predictPcr03(context: PredictionContext): RegisterAnswer {
  const drivers = predictPcr02(context);
  return 'events' in drivers ? { ...drivers, events: [separator(context, 3)] } : drivers;
}
