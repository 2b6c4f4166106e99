import { printable } from '@altee/builder';
import { type AlignedEvent, digestSizes, type ExplainedRegister, type Explanation } from '@altee/measure';
import type { styler } from './style.ts';

type Paint = ReturnType<typeof styler>;

const MARKS = {
  equal: { mark: '✓', format: 'green', word: 'equal' },
  different: { mark: '✗', format: 'red', word: 'different' },
  'not-predicted': { mark: '·', format: 'dim', word: 'not predicted' },
  'not-observed': { mark: '?', format: 'yellow', word: 'not observed' },
} as const;

/** How a row of aligned events is shown. */
const ROWS = {
  equal: { mark: ' ', format: 'dim' },
  changed: { mark: '≠', format: 'red' },
  missing: { mark: '-', format: 'red' },
  extra: { mark: '+', format: 'red' },
} as const;

/** The longest command line of a kernel is half of it (x86 COMMAND_LINE_SIZE). */
const MAX_TEXT = 4096;

/** Text of a file of unknown origin: no longer than a person reads it. */
function brief(text: string): string {
  return printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
}

/** A line a register; below those that differ their first difference, the rows around it, and the cause. */
export function explanationLines(
  explanation: Explanation,
  options: { events: boolean; full: boolean },
  paint: Paint,
): string[] {
  return [
    ...explanation.registers.flatMap((register) => registerLines(register, options, paint)),
    '',
    ...verdictLines(explanation, paint),
  ];
}

function registerLines(
  register: ExplainedRegister,
  { events, full }: { events: boolean; full: boolean },
  paint: Paint,
): string[] {
  const { mark, format, word } = MARKS[register.status];
  const assumed = register.predictionStatus === 'assumed' ? ' (the prediction is assumed)' : '';
  const head = `${paint(format, `${mark} ${register.register.padEnd(6)} ${word.padEnd(13)}`)} ${paint('dim', brief(register.reason) + assumed)}`;
  const rows = events ? register.rows : rowsAround(register);
  return [
    head,
    ...rows.map((row) => rowLine(row, paint)),
    ...(register.status === 'different' ? valueLines(register, full) : []),
  ];
}

const AROUND = 2;

function rowsAround({ rows, first }: ExplainedRegister): readonly AlignedEvent[] {
  if (!first) return [];
  const last = rows.findLastIndex(({ relation }) => relation !== 'equal');
  const end = Math.min(last + AROUND, first.position + 12);
  return rows.slice(Math.max(0, first.position - AROUND), end);
}

function rowLine({ relation, predicted, observed }: AlignedEvent, paint: Paint): string {
  const { mark, format } = ROWS[relation];
  const number = observed ? String(observed.event.index + 1).padStart(4) : '    ';
  const seen = observed ? printable(observed.said.text) : '';
  const wanted = predicted ? brief(predicted.description) : '';
  const text =
    relation === 'equal'
      ? wanted
      : relation === 'changed'
        ? `${seen}  ${paint('dim', `instead of: ${wanted}`)}`
        : relation === 'extra'
          ? seen
          : wanted;
  return `  ${number} ${paint(format, mark)} ${relation === 'equal' ? paint('dim', text) : text}`;
}

function valueLines({ values }: ExplainedRegister, full: boolean): string[] {
  const differing = values.filter(({ predicted, replayed, read }) => (read ?? replayed) !== predicted);
  const strongest = differing.toSorted((a, b) => digestSizes[b.bank] - digestSizes[a.bank])[0];
  const shown = differing.find(({ bank }) => bank === 'sha256') ?? strongest;
  return (full ? differing : shown ? [shown] : []).flatMap(({ bank, predicted, replayed, read }) => [
    `       ${bank.padEnd(6)} predicted ${predicted}`,
    ...(replayed === undefined ? [] : [`       ${''.padEnd(6)} log       ${replayed}`]),
    ...(read === undefined || read === replayed ? [] : [`       ${''.padEnd(6)} machine   ${read}`]),
  ]);
}

function verdictLines({ first, isEqual, registers }: Explanation, paint: Paint): string[] {
  if (isEqual) return [paint('green', 'Every predicted register is as predicted')];
  if (!first) {
    const wrong = registers.find(({ status }) => status === 'different' || status === 'not-observed');
    return [
      paint(
        'yellow',
        `${wrong?.register ?? 'Nothing'}: ${printable(wrong?.reason ?? 'nothing was predicted that could be compared')}`,
      ),
    ];
  }
  const { row, cause, position } = first.first;
  const where = row.observed
    ? `event ${row.observed.event.index + 1} of the log`
    : 'an event that did not happen';
  const what = row.observed?.said.text ?? row.predicted?.description ?? '';
  return [
    paint('bold', `First difference: ${where}, ${first.register} event ${position + 1}: ${brief(what)}`),
    `${cause.certainty === 'proven' ? 'Cause' : 'Likely cause'} (${cause.code}): ${brief(cause.text)}`,
  ];
}
