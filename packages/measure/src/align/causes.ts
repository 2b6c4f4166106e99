import type { Cause, CauseContext, CausePlace, CauseRule } from './cause.ts';
import { bootOptionCause } from './causes/boot-options.ts';
import { anyCause, orderCause, runtimeCause } from './causes/fallback.ts';
import { firmwareCause, otherFirmwareCause } from './causes/firmware.ts';
import { flowCause } from './causes/flow.ts';
import { applicationCause, extraIplCause, sectionRowCause } from './causes/image.ts';
import { kernelStartCause } from './causes/kernel-start.ts';
import { machineCause } from './causes/machine.ts';
import { partitionTableCause } from './causes/partition-table.ts';
import { secureBootCause } from './causes/variables.ts';

/** Asked in this order; the first that knows an answer gives it. */
const rules: readonly CauseRule[] = [
  runtimeCause,
  flowCause,
  secureBootCause,
  bootOptionCause,
  partitionTableCause,
  applicationCause,
  sectionRowCause,
  extraIplCause,
  kernelStartCause,
  machineCause,
  firmwareCause,
  otherFirmwareCause,
  orderCause,
  anyCause,
];

/** Why the row is not as predicted: always something, be it that nothing is known. */
export function findCause(place: CausePlace, context: CauseContext): Cause {
  for (const rule of rules) {
    const cause = rule(place, context);
    if (cause) return cause;
  }
  return { code: 'unknown', certainty: 'likely', text: 'Nothing is known of it' };
}
