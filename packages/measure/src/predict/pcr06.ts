import type { PredictionContext, RegisterAnswer } from './context.ts';
import { findFirmware } from './firmware.ts';
import { separator } from './separator.ts';

/** What PCR 6 covers. */
export const describePcr06 = (): string => 'What the machine’s maker measures';

/** PCR 6: OVMF measures nothing but the separator. */
export function predictPcr06(context: PredictionContext): RegisterAnswer {
  if (!findFirmware(context.machine.firmware)) {
    return { status: 'host-dependent', reason: 'The firmware is not known' };
  }
  return {
    status: 'predicted',
    reason: 'This firmware measures only the separator',
    events: [separator(context, 6)],
  };
}
