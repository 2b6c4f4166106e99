import { showAscii } from '../../bytes/text.ts';
import { type Cause, type CauseRule, likely, proven, typeOf } from '../cause.ts';

/** Separators, actions, retries: what firmware does in which order. */
export const flowCause: CauseRule = ({ row, register, position }, context) => {
  const type = typeOf(row);
  if (type === 'EV_SEPARATOR') return separator(row, register.register);
  if (
    row.relation === 'missing' &&
    register.rows.slice(position).every(({ relation }) => relation === 'missing')
  ) {
    const early = logEnds(context.file.log.events.length, register.rows, position);
    if (early) return early;
  }
  if (type === 'EV_EFI_ACTION' || type === 'EV_ACTION') return action(row, context.file.log.events);
  return undefined;
};

function separator(row: Parameters<CauseRule>[0]['row'], register: string): Cause {
  const { relation, observed } = row;
  if (observed?.said.text.includes('error'))
    return proven(
      'firmware-error',
      'Firmware closed the register with an error: something could not be measured',
    );
  if (relation === 'extra') {
    const shared = register.startsWith('RTMR')
      ? ', as edk2 before 202411 does it'
      : ': whoever wrote it wants what comes later to look like another part of the boot';
    return likely('separator', `The register is closed by a separator more than predicted${shared}`);
  }
  if (relation === 'missing')
    return likely(
      'separator',
      'The separator stands elsewhere or not at all: firmware of another version, or not all of it ran',
    );
  return likely('separator', `The separator holds other data: ${observed?.said.text ?? 'unknown'}`);
}

const exit = /^Exit Boot Services/;

function logEnds(
  events: number,
  rows: Parameters<CauseRule>[0]['register']['rows'],
  position: number,
): Cause | undefined {
  const row = rows[position];
  if (!row?.predicted?.data || !exit.test(showAscii(row.predicted.data))) return undefined;
  return likely(
    'log-early',
    `The log of ${events} events ends before the kernel took over from firmware: it was read too early, cut, or the kernel never started`,
  );
}

/** Actions of firmware are shorter. */
const MAX_ACTION = 256;

function action(
  { relation, observed, predicted }: Parameters<CauseRule>[0]['row'],
  events: Parameters<CauseRule>[1]['file']['log']['events'],
): Cause | undefined {
  const text = observed ? showAscii(observed.event.untrustedData.subarray(0, MAX_ACTION)) : '';
  const retried = events.some(({ untrustedData }) =>
    /^Returning from EFI Application/.test(showAscii(untrustedData.subarray(0, 64))),
  );
  if (/^Returning from EFI Application/.test(text) || (retried && /^Calling EFI Application/.test(text)))
    return likely(
      'boot-retry',
      'A boot option was started and came back, then another one was tried: its program counts, too',
    );
  if (/Failure$/.test(text))
    return likely('firmware-error', 'The exit of boot services failed at first and was tried again');
  if (relation === 'extra')
    return likely('firmware', `Firmware reports an action that was not predicted: "${text}"`);
  const wanted = predicted?.data ? showAscii(predicted.data) : '';
  return likely('firmware', `Firmware does not report "${wanted}" where it should: another version`);
}
