import { type ExplainResult, printable } from '@altee/builder';
import {
  type DigestVerdict,
  describeDamage,
  type EventLogKind,
  type HashName,
  type ObservedEvent,
  registerName,
} from '@altee/measure';
import type { styler } from './style.ts';

type Paint = ReturnType<typeof styler>;

/** How far an event's words are to be trusted. */
const VERDICT_MARKS: Readonly<
  Record<DigestVerdict, { readonly mark: string; readonly format: 'green' | 'red' | 'dim' }>
> = {
  verified: { mark: '✓', format: 'green' },
  mismatch: { mark: '✗', format: 'red' },
  'not-covered': { mark: '·', format: 'dim' },
};

const KINDS: Readonly<Record<EventLogKind, string>> = {
  tcg2: 'crypto-agile event log of a TPM 2.0',
  sha1: 'SHA-1 event log',
  cc: 'event log of a confidential VM (CCEL)',
  'cel-tlv': 'canonical event log (TLV)',
  'cel-cbor': 'canonical event log (CBOR)',
  'cel-json': 'canonical event log (JSON)',
  dstack: 'event log of dstack (JSON)',
};

/** What the log is, and what is odd about it. */
export function logLines({ log, events, quirks, ram, quote }: ExplainResult, paint: Paint): string[] {
  const banks = log.log.algorithms.map(({ name }) => printable(name)).join(', ');
  const counts = { verified: 0, mismatch: 0, 'not-covered': 0 };
  for (const { check, isExtended } of events) if (isExtended) counts[check.verdict]++;
  // A quote that nobody verified is no more than its sender's word, like the log.
  const says = ram?.isRead && quote ? 'The log says, and the quote agrees,' : 'The log says';
  const padding = log.paddingBytes > 0 ? `, ${log.paddingBytes} bytes of padding` : '';
  return [
    `${KINDS[log.kind]}: ${events.length} ${events.length === 1 ? 'event' : 'events'} in ${banks || 'no bank'}${padding}`,
    `${paint('green', '✓')} ${counts.verified} say what was measured, ${paint('dim', '·')} ${counts['not-covered']} cannot be checked against their data, ${paint(counts.mismatch > 0 ? 'red' : 'dim', '✗')} ${counts.mismatch} contradict their digest`,
    ...(ram
      ? [
          `${says} that the machine has ${ram.memoryBytes / 2 ** 20} MiB of RAM, as the digest of its memory list shows`,
        ]
      : []),
    ...(log.damage ? [paint('red', printable(describeDamage(log.damage)))] : []),
    ...quirks.map(({ text, eventIndex }) =>
      paint('yellow', `! ${printable(text)}${eventIndex === undefined ? '' : ` (event ${eventIndex + 1})`}`),
    ),
  ];
}

/** A quote is its sender's word until it is verified, which is always said. */
export function quoteLines({ quote }: ExplainResult, paint: Paint): string[] {
  if (!quote) return [];
  return [
    '',
    paint(
      'yellow',
      '! Nothing of the quote was verified: its signature and its certificates were not checked, so that its values are its sender’s word',
    ),
    ...(quote.isDebug
      ? [
          paint(
            'red',
            '!!! DEBUG is set in the TD attributes: the host can read and change this TD, so that its registers prove NOTHING',
          ),
        ]
      : []),
  ];
}

export interface EventLinesOptions {
  readonly bank: HashName | undefined;
  readonly full: boolean;
  readonly details: boolean;
}

/** Hex digits of a value that stand for the whole. */
const SHORT = 16;

/** Register by register: its value, then its events, numbered as in the log. */
export function eventLines(result: ExplainResult, options: EventLinesOptions, paint: Paint): string[] {
  const { log, events, registers } = result;
  // A hostile log has as many registers as events.
  const byIndex = groupBy(events, ({ event }) => event.registerIndex);
  const valuesByIndex = groupBy(
    registers.filter(({ bank }) => !options.bank || bank === options.bank),
    ({ registerIndex }) => registerIndex,
  );
  const indices = [...byIndex].toSorted(([a], [b]) => a - b);
  return indices.flatMap(([index, own]) => {
    const name = registerName(log.registers, index);
    const values = valuesByIndex.get(index) ?? [];
    const first = values.find(({ bank }) => bank === 'sha256') ?? values[0];
    const shown = options.full ? values : first ? [first] : [];
    return [
      '',
      paint('bold', name),
      ...shown.map(
        ({ bank, replayed }) => `  ${bank.padEnd(6)} ${options.full ? replayed : replayed.slice(0, SHORT)}`,
      ),
      ...own.flatMap((event) => oneEvent(event, options, paint)),
    ];
  });
}

function groupBy<T>(items: readonly T[], key: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** One event in one line, and its details below. */
function oneEvent(
  { event, untrustedType, said, check, isExtended }: ObservedEvent,
  { details, full, bank }: EventLinesOptions,
  paint: Paint,
): string[] {
  const { mark, format } = VERDICT_MARKS[check.verdict];
  const number = String(event.index + 1).padStart(4);
  const head = `${number} ${paint(format, isExtended ? mark : ' ')} ${printable(said.text)} ${paint('dim', printable(untrustedType))}`;
  const lines = details
    ? [...said.details, check.reason]
    : check.verdict === 'mismatch'
      ? [check.reason]
      : [];
  const digests = [...event.digests].filter(([name]) => full && (!bank || name === bank));
  return [
    head,
    ...lines.map((line) => paint('dim', `         ${printable(line)}`)),
    ...digests.map(([name, digest]) =>
      paint('dim', `         ${printable(name)} ${Buffer.from(digest).toString('hex')}`),
    ),
  ];
}
