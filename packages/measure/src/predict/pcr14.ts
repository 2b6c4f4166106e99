import type { PredictionContext, RegisterAnswer } from './context.ts';
import { shimListEvents } from './shim.ts';

/** What PCR 14 covers. */
export const describePcr14 = (): string => 'Machine owner keys (shim)';

/** PCR 14: shim's lists of keys; zero where no shim is in the boot path. */
export function predictPcr14(context: PredictionContext): RegisterAnswer {
  const { machine, secureBoot } = context;
  if (!machine.shim) return { status: 'predicted', reason: 'Zero: no shim is in the boot path', events: [] };
  if (secureBoot.kind === 'missing' || secureBoot.kind === 'contradiction')
    return { status: 'host-dependent', reason: secureBoot.reason };
  if (secureBoot.kind !== 'starts' || !secureBoot.shim)
    return {
      status: 'unpredictable',
      reason: 'reason' in secureBoot ? secureBoot.reason : 'The shim is not known',
    };
  return {
    status: 'predicted',
    reason: `The keys that shim ${secureBoot.shim.version} brings, and those of the machine's owner`,
    events: shimListEvents(context, secureBoot.shim),
  };
}
