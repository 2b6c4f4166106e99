import { toHex } from '../bytes/hex.ts';
import { defaultHasher, type Hasher, type HashName } from '../hash.ts';
import type { RecordedPrediction, RecordedRegister } from '../predict/parse-json.ts';
import type { RegisterName, RegisterStatus } from '../predict/prediction.ts';
import { type EventLogFile, registerName } from '../tcg/log-file.ts';
import type { ReadValues } from '../tcg/pcr-values.ts';
import { replayEventLog } from '../tcg/replay.ts';
import { startupLocality } from '../tcg/startup-locality.ts';
import { initialPcr } from '../tpm/pcr.ts';
import { type AlignedEvent, alignEvents } from './align-events.ts';
import type { AlignedRegister, Cause, CauseContext } from './cause.ts';
import { findCause } from './causes.ts';
import { type ObservedEvent, observeEvents } from './observed-event.ts';
import { findSectionChanges } from './section-changes.ts';

/** A register's value on both sides, in hex. */
export interface ExplainedValue {
  readonly bank: HashName;
  readonly predicted: string;
  /** What the log's events give. */
  readonly replayed: string | undefined;
  /** What was read from the machine, where values were given. */
  readonly read: string | undefined;
}

/**
 * How a register of a log stands to its prediction.
 *
 * - `equal`: all events and values are as predicted.
 * - `different`: an event is not, or the value that was read is not.
 * - `not-predicted`: there is nothing to compare with.
 * - `not-observed`: the log has no bank that was predicted, or is damaged before the register's end is known.
 */
export interface ExplainedRegister {
  readonly register: RegisterName;
  readonly registerIndex: number;
  readonly covers: string;
  readonly status: 'equal' | 'different' | 'not-predicted' | 'not-observed';
  /** How far the prediction itself is to be trusted. */
  readonly predictionStatus: RegisterStatus;
  readonly reason: string;
  readonly rows: readonly AlignedEvent[];
  readonly values: readonly ExplainedValue[];
  /** The first event that differs, counted from 0 in the register, and why. */
  readonly first: FirstDifference | undefined;
}

export interface FirstDifference {
  readonly position: number;
  readonly row: AlignedEvent;
  readonly cause: Cause;
}

/** A log beside a prediction. */
export interface Explanation {
  readonly registers: readonly ExplainedRegister[];
  /** The register whose difference comes first in the log, so that its cause is the one to look at. */
  readonly first: (ExplainedRegister & { readonly first: FirstDifference }) | undefined;
  /** True when every predicted register is `equal`, and there is at least one. */
  readonly isEqual: boolean;
}

/**
 * Puts a log's events beside the predicted ones, register by register, and names the first that differs with its likely
 * cause. `values` are registers that were read from the machine (a quote, `tpm2_pcrread`): they count where the log
 * says something else.
 */
export function explainLog(
  prediction: RecordedPrediction,
  file: EventLogFile,
  { values, hasher = defaultHasher }: { values?: ReadValues | undefined; hasher?: Hasher } = {},
): Explanation {
  const observed = observeEvents(file, hasher).filter(({ isExtended }) => isExtended);
  const banks = prediction.banks.filter((bank) => observed.some(({ event }) => event.digests.has(bank)));
  const aligned = prediction.registers.map((register) => alignRegister(register, file, observed, banks));
  const context: CauseContext = {
    file,
    registers: aligned,
    banks,
    sections: findSectionChanges(aligned.flatMap(({ rows }) => rows)),
    hasher,
  };
  const replayed = replayEventLog(file.log, hasher);
  const locality = file.registers === 'pcr' ? startupLocality(file.log) : 0;
  const registers = prediction.registers.map((register, index): ExplainedRegister => {
    const place = aligned[index] ?? {
      register: register.register,
      registerIndex: register.registerIndex,
      rows: [],
    };
    const shown = register.registerIndex;
    const explained = banks.flatMap((bank): ExplainedValue[] => {
      const wanted = register.values[bank];
      if (wanted === undefined) return [];
      const seen = replayed.get(bank)?.get(shown);
      const start = toHex(initialPcr(bank, shown === 0 ? locality : 0));
      const isComplete = observed.every(
        ({ event }) => event.registerIndex !== shown || event.digests.has(bank),
      );
      return [
        {
          bank,
          predicted: toHex(wanted),
          replayed: isComplete ? (seen ? toHex(seen) : start) : undefined,
          read: values?.[bank]?.[shown],
        },
      ];
    });
    return explainRegister(register, place, explained, context);
  });
  const predicted = registers.filter(({ status }) => status !== 'not-predicted');
  return {
    registers,
    first: findFirst(registers),
    isEqual: predicted.length > 0 && predicted.every(({ status }) => status === 'equal'),
  };
}

function alignRegister(
  { register, registerIndex, events, status }: RecordedRegister,
  file: EventLogFile,
  observed: readonly ObservedEvent[],
  banks: readonly HashName[],
): AlignedRegister {
  const isKnown = status === 'predicted' || status === 'assumed';
  if (!isKnown || registerName(file.registers, registerIndex) !== register)
    return { register, registerIndex, rows: [] };
  const own = observed.filter(({ event }) => event.registerIndex === registerIndex);
  // A bank that an event has no digest of can't be compared.
  const complete = banks.filter((bank) => own.every(({ event }) => event.digests.has(bank)));
  return { register, registerIndex, rows: complete.length === 0 ? [] : alignEvents(events, own, complete) };
}

function explainRegister(
  predicted: RecordedRegister,
  place: AlignedRegister,
  values: readonly ExplainedValue[],
  context: CauseContext,
): ExplainedRegister {
  const { register, registerIndex, covers, status, reason, events } = predicted;
  const common = { register, registerIndex, covers, predictionStatus: status, rows: place.rows, values };
  if (status !== 'predicted' && status !== 'assumed')
    return { ...common, status: 'not-predicted', reason: `${status}: ${reason}`, first: undefined };
  if (registerName(context.file.registers, registerIndex) !== register)
    return { ...common, status: 'not-observed', reason: 'The log is of other registers', first: undefined };
  const comparable = values.filter(({ replayed, read }) => (replayed ?? read) !== undefined);
  if (comparable.length === 0)
    return {
      ...common,
      status: 'not-observed',
      reason: 'No bank was both predicted and logged',
      first: undefined,
    };

  const position = place.rows.findIndex(({ relation }) => relation !== 'equal');
  const row = place.rows[position];
  if (row) {
    const cause = findCause({ row, register: place, position }, context);
    return { ...common, status: 'different', reason: cause.text, first: { position, row, cause } };
  }
  const wrong = comparable.find(({ predicted, read, replayed }) => (read ?? replayed) !== predicted);
  if (wrong) {
    const reason = whyValueDiffers(wrong, predicted, context);
    return { ...common, status: 'different', reason, first: undefined };
  }
  if (context.file.damage && values.every(({ read }) => read === undefined))
    return {
      ...common,
      status: 'not-observed',
      reason: 'As predicted up to where the log is damaged',
      first: undefined,
    };
  const count = events.length === 1 ? '1 event' : `${events.length} events`;
  return {
    ...common,
    status: 'equal',
    reason: events.length === 0 ? 'never extended, as predicted' : `${count}, as predicted`,
    first: undefined,
  };
}

/** Why equal events do not give equal values. */
function whyValueDiffers(
  { read, replayed }: ExplainedValue,
  { registerIndex, startupLocality: predicted = 0 }: RecordedRegister,
  { file }: CauseContext,
): string {
  if (read !== undefined && read !== replayed)
    return 'The log’s events are the predicted ones, but the value that was read is another: the log does not tell all';
  const observed = registerIndex === 0 && file.registers === 'pcr' ? startupLocality(file.log) : 0;
  return observed === predicted
    ? 'The log’s events are the predicted ones, but the predicted value does not follow from them: the prediction was changed'
    : `The log’s events are the predicted ones, but the register started from ${observed} and not from ${predicted} (start-up locality)`;
}

function findFirst(registers: readonly ExplainedRegister[]): Explanation['first'] {
  const different = registers.flatMap((register) =>
    register.first ? [{ ...register, first: register.first }] : [],
  );
  return different.toSorted((a, b) => logPosition(a) - logPosition(b))[0];
}

/** Where in the log the difference shows: at the event, or where the missing one's successor stands. */
function logPosition({ rows, first }: ExplainedRegister & { first: FirstDifference }): number {
  const next = rows.slice(first.position).find(({ observed }) => observed !== undefined);
  return next?.observed?.event.index ?? Number.MAX_SAFE_INTEGER;
}
