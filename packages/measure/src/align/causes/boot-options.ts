import { MeasureError } from '../../error.ts';
import { parseBootOrder, parseLoadOption } from '../../tcg/decode/load-option.ts';
import type { AlignedRegister } from '../cause.ts';
import { type Cause, type CauseRule, likely, proven, typeOf } from '../cause.ts';
import { contentsOf } from './variables.ts';

/** What firmware could boot, and in which order. */
export const bootOptionCause: CauseRule = ({ row, register }) => {
  const type = typeOf(row);
  if (type !== 'EV_EFI_VARIABLE_BOOT' && type !== 'EV_EFI_VARIABLE_BOOT2') return undefined;
  const sure = row.observed?.check.verdict === 'verified' ? proven : likely;
  return compareBootOptions(register, sure) ?? likely('boot-entry', 'The boot options are others');
};

type Sure = (
  code: 'boot-order' | 'boot-entry' | 'firmware' | 'extra-device' | 'missing-device',
  text: string,
) => Cause;

/** Compares all boot options of a register at once: numbers shift when a device comes or goes. */
export function compareBootOptions({ rows }: AlignedRegister, sure: Sure): Cause | undefined {
  const predicted = new Map<string, string>();
  const observed = new Map<string, string>();
  const orders: { predicted?: string[]; observed?: string[] } = {};
  for (const row of rows) {
    const both = contentsOf(row);
    if (!typeOf(row).startsWith('EV_EFI_VARIABLE_BOOT')) continue;
    for (const side of ['predicted', 'observed'] as const) {
      const variable = both[side];
      if (!variable) continue;
      if (variable.name === 'BootOrder') orders[side] = readOrder(variable.contents);
      else if (/^Boot[0-9A-Fa-f]{4}$/.test(variable.name))
        (side === 'predicted' ? predicted : observed).set(
          variable.name.slice(4).toUpperCase(),
          readOption(variable.contents),
        );
    }
  }
  if (predicted.size === 0 || observed.size === 0) return undefined;
  const before = new Set(predicted.values());
  const after = new Set(observed.values());
  const added = [...after].filter((option) => !before.has(option));
  const removed = [...before].filter((option) => !after.has(option));
  // Options inside the firmware's own volume come with the firmware.
  if (
    added.length + removed.length > 0 &&
    [...added, ...removed].every((option) => option.includes(' at Fv('))
  )
    return sure(
      'firmware',
      `Firmware offers other programs of its own: ${[...added, ...removed].join('; ')}`,
    );
  if (added.length > 0 && removed.length === 0)
    return sure('extra-device', `The machine offers more to boot from: ${added.join('; ')}`);
  if (removed.length > 0 && added.length === 0)
    return sure('missing-device', `The machine offers less to boot from: ${removed.join('; ')} is not there`);
  if (added.length > 0)
    return sure('boot-entry', `Other boot options: ${added.join('; ')} instead of ${removed.join('; ')}`);
  const names = (order: string[] | undefined, options: Map<string, string>): string[] =>
    (order ?? []).map((number) => options.get(number) ?? number);
  const wanted = names(orders.predicted, predicted);
  const got = names(orders.observed, observed);
  if (wanted.join() !== got.join() && wanted.toSorted().join() === got.toSorted().join())
    return sure('boot-order', `The boot options are tried in another order: ${got.join('; ')}`);
  return undefined;
}

function readOrder(contents: Uint8Array): string[] {
  return attempt(() => parseBootOrder(contents)) ?? [];
}

function readOption(contents: Uint8Array): string {
  const option = attempt(() => parseLoadOption(contents));
  return option ? `"${option.description}" at ${option.path}` : 'an option that can’t be read';
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}
