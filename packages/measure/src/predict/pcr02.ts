import type { PredictionContext, RegisterAnswer } from './context.ts';
import { separator } from './separator.ts';

/** What PCR 2 covers. */
export const describePcr02 = (): string => 'Drivers that firmware loads from devices (option ROMs)';

/** PCR 2: only the separator, when no device brings an option ROM. */
export function predictPcr02(context: PredictionContext): RegisterAnswer {
  if (context.machine.optionRoms === false) {
    return { status: 'predicted', reason: 'No device brings an option ROM', events: [separator(context, 2)] };
  }
  const reason = context.machine.optionRoms
    ? 'A device brings an option ROM, which is measured here'
    : 'Whether a device brings an option ROM is not known';
  return { status: 'host-dependent', reason };
}
