import { printable } from '@altee/builder';
import {
  type BankDigests,
  type HashName,
  type PredictedEvent,
  type Prediction,
  type RegisterPrediction,
  type RegisterStatus,
  sourceText,
  toHex,
} from '@altee/measure';
import type { styler } from './style.ts';

/** How each status is shown. */
const MARKS: Readonly<
  Record<RegisterStatus, { readonly mark: string; readonly format: 'green' | 'yellow' | 'dim'; word: string }>
> = {
  predicted: { mark: '✓', format: 'green', word: 'predicted' },
  assumed: { mark: '~', format: 'yellow', word: 'assumed' },
  'host-dependent': { mark: '?', format: 'yellow', word: 'host-dependent' },
  unpredictable: { mark: '·', format: 'dim', word: 'unpredictable' },
  'not-predicted': { mark: '·', format: 'dim', word: 'not predicted' },
};

/** Hex digits of a value that stand for the whole in a table. */
const SHORT = 16;

export interface RegistersTableOptions {
  /** The bank whose values are shown; the prediction's first of SHA-256, SHA-384 by default. */
  readonly bank?: HashName | undefined;
  /** Each event, with its source and clause. */
  readonly events: boolean;
  /** Values in full. */
  readonly full: boolean;
}

/** The bank that is shown where nobody chose one. */
export function shownBank({ banks }: Prediction, wanted?: HashName): HashName | undefined {
  if (wanted !== undefined) return banks.find((bank) => bank === wanted);
  return banks.find((bank) => bank === 'sha256') ?? banks[0];
}

/** A line a register: status, value, what it covers; below, why it is not simply predicted, and its events if wanted. */
export function registerLines(
  prediction: Prediction,
  options: RegistersTableOptions,
  paint: ReturnType<typeof styler>,
): string[] {
  const bank = shownBank(prediction, options.bank);
  const width = Math.max(...prediction.registers.map(({ register }) => register.length));
  const length = options.full ? Number.POSITIVE_INFINITY : SHORT;
  return prediction.registers.flatMap((register) => {
    const { mark, format, word } = MARKS[register.status];
    const name = `${mark} ${register.register.padEnd(width)} ${word.padEnd(14)}`;
    const value = digestText(register.values, bank, length);
    const head = `${paint(format, name)} ${value.padEnd(options.full ? 0 : SHORT + 1)}  ${printable(register.covers)}`;
    return [
      head.trimEnd(),
      ...(register.status === 'predicted' ? [] : [paint('dim', `    ${printable(register.reason)}`)]),
      ...(options.events ? eventLines(register, bank, length, paint) : []),
    ];
  });
}

function eventLines(
  { events }: RegisterPrediction,
  bank: HashName | undefined,
  length: number,
  paint: ReturnType<typeof styler>,
): string[] {
  return events.flatMap((event, index) => [
    `    ${String(index + 1).padStart(2)} ${event.eventType}  ${digestText(event.digests, bank, length)}  ${printable(event.description)}`,
    paint(
      'dim',
      `       ${printable(sourceText(event.source))}; ${printable(event.clause)}${dependsText(event)}`,
    ),
  ]);
}

function digestText(digests: BankDigests, bank: HashName | undefined, length: number): string {
  const digest = bank && digests[bank];
  if (!digest) return '';
  const hex = toHex(digest);
  return hex.length > length ? `${hex.slice(0, length)}…` : hex;
}

function dependsText({ dependsOn }: PredictedEvent): string {
  return dependsOn.length === 0 ? '' : `; depends on ${dependsOn.join(', ')}`;
}
