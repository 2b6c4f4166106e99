import { describeEvent } from './describe-event.ts';
import { checkDigests } from './digest-check.ts';
import { actions } from './event-data.ts';
import type { LoggedEvent } from './event-log.ts';
import { eventTypes } from './event-type.ts';
import type { EventLogFile } from './log-file.ts';
import { registerName } from './log-file.ts';

/** Something in a log that the specification doesn't foresee, and that a reader should know before trusting it. */
export interface LogQuirk {
  readonly code: LogQuirkCode;
  /** One line, without full stop. */
  readonly text: string;
  /** The event it shows at; absent when it is the whole log's. */
  readonly eventIndex: number | undefined;
}

export type LogQuirkCode =
  | 'second-separator'
  | 'rtmr-separators'
  | 'error-separator'
  | 'no-separator'
  | 'exit-missing'
  | 'boot-retried'
  | 'late-locality'
  | 'extends-nothing'
  | 'bank-incomplete'
  | 'no-such-register'
  | 'cc-index-as-pcr';

type Finding = readonly [text: string, eventIndex?: number];
interface Rule {
  readonly code: LogQuirkCode;
  readonly find: (file: EventLogFile, extended: readonly LoggedEvent[]) => Iterable<Finding>;
}

/** Registers that firmware closes with a separator (PC Client Platform Firmware Profile 1.06, 3.3.4.2). */
const separated = [0, 1, 2, 3, 4, 5, 6, 7];

const rules: readonly Rule[] = [
  {
    code: 'second-separator',
    // Several PCRs share an RTMR, so that separators of one RTMR say nothing.
    *find({ registers }, extended) {
      const seen = new Set<number>();
      for (const event of registers === 'pcr' ? extended : []) {
        if (event.untrustedEventType !== eventTypes.EV_SEPARATOR) continue;
        const { registerIndex } = event;
        if (seen.has(registerIndex) && separated.includes(registerIndex))
          yield [
            `PCR${registerIndex} has a second separator: what stands before it is no longer firmware's word`,
            event.index,
          ];
        seen.add(registerIndex);
      }
    },
  },
  {
    code: 'rtmr-separators',
    *find({ registers }, extended) {
      if (registers !== 'cc') return;
      const separators = extended.filter((event) => event.untrustedEventType === eventTypes.EV_SEPARATOR);
      const [, second, ...others] = separators.filter(({ registerIndex }) => registerIndex === rtmr0);
      if (!second) return;
      const closesRtmr1 = separators.some(({ registerIndex }) => registerIndex === rtmr1);
      const at = extended.indexOf(second);
      const rest = extended.slice(at);
      const end = rest.findIndex((event) => event.untrustedEventType !== eventTypes.EV_SEPARATOR);
      const run = end < 0 ? rest : rest.slice(0, end);
      // Some firmware closes each PCR by itself: RTMR1 stands for PCR 2 to 6.
      if (run.filter(({ registerIndex }) => registerIndex === rtmr1).length === 5) return;
      const before = extended[at - 1];
      if (!closesRtmr1 && others.length === 0 && before && isOldReadyToBoot(before, second))
        yield [
          'RTMR0 has two separators and RTMR1 none, as edk2 before 202411 writes them: nothing closes RTMR1',
          second.index,
        ];
      else
        yield [
          `RTMR0 has ${others.length + 2} separators${closesRtmr1 ? '' : ' and RTMR1 none'}, where no known firmware writes them: what stands before the last is no longer firmware’s word`,
          second.index,
        ];
    },
  },
  {
    code: 'error-separator',
    *find(_, extended) {
      for (const event of extended) {
        if (
          event.untrustedEventType === eventTypes.EV_SEPARATOR &&
          describeEvent(event).text.includes('error')
        )
          yield ['Firmware closed a register with an error', event.index];
      }
    },
  },
  {
    code: 'no-separator',
    *find({ kind, registers }, extended) {
      const isBootLog = kind !== 'cel-json' && kind !== 'cel-tlv' && kind !== 'cel-cbor';
      const closed = extended.some((event) => event.untrustedEventType === eventTypes.EV_SEPARATOR);
      if (isBootLog && registers === 'pcr' && extended.length > 1 && !closed)
        yield [
          'No register was closed by a separator: what an operating system could have extended can’t be told from what firmware did',
        ];
    },
  },
  {
    code: 'exit-missing',
    *find(_, extended) {
      const has = (text: Uint8Array) => extended.some(({ untrustedData }) => startsWith(untrustedData, text));
      if (has(actions.exitBootServicesSuccess)) return;
      if (has(actions.exitBootServicesInvocation))
        yield ['Boot services were asked to exit, and nothing says that they did'];
      else if (
        extended.some((event) => event.untrustedEventType === eventTypes.EV_EFI_BOOT_SERVICES_APPLICATION)
      )
        yield [
          'The exit of boot services is not there: the log was read, or cut, before it; or firmware never logs it, while it may well extend it',
        ];
    },
  },
  {
    code: 'boot-retried',
    *find(_, extended) {
      for (const event of extended) {
        if (startsWith(event.untrustedData, returning))
          yield ['A boot option came back, and another one was tried', event.index];
      }
    },
  },
  {
    code: 'late-locality',
    *find({ log }) {
      const localities = log.events.filter(
        (event) =>
          event.untrustedEventType === eventTypes.EV_NO_ACTION &&
          describeEvent(event).text.startsWith('start-up locality'),
      );
      const [first, second] = localities;
      const extendedBefore = log.events.some(
        (event) =>
          first &&
          event.index < first.index &&
          event.registerIndex === 0 &&
          event.untrustedEventType !== eventTypes.EV_NO_ACTION,
      );
      if (first && extendedBefore)
        yield ['The start-up locality is told only after PCR 0 was extended', first.index];
      if (second) yield ['The start-up locality is told twice', second.index];
    },
  },
  {
    code: 'extends-nothing',
    *find(_, extended) {
      if (extended.length === 0) yield ['The log extends no register, so that it proves nothing'];
    },
  },
  {
    code: 'bank-incomplete',
    *find({ log }, extended) {
      for (const { name } of log.algorithms) {
        const without = extended.filter(({ digests }) => !digests.has(name));
        const [first] = without;
        if (first && without.length < extended.length)
          yield [
            `${without.length} of ${extended.length} events have no ${name} digest: that bank can't be replayed`,
            first.index,
          ];
        else if (first) yield [`The header declares ${name}, and no event has a digest of it`];
      }
    },
  },
  {
    code: 'no-such-register',
    *find({ registers }, extended) {
      const last = registers === 'pcr' ? 23 : 4;
      for (const event of extended) {
        if (event.registerIndex > last || (registers === 'cc' && event.registerIndex === 0))
          yield [
            `There is no ${registerName(registers, event.registerIndex)} that could be extended`,
            event.index,
          ];
      }
    },
  },
  {
    code: 'cc-index-as-pcr',
    // Google's firmware on TDX hands the CC measurement register's index to the TPM.
    *find({ registers }, extended) {
      const application = extended.find(
        (event) =>
          event.untrustedEventType === eventTypes.EV_EFI_BOOT_SERVICES_APPLICATION &&
          event.registerIndex === 2,
      );
      if (registers === 'pcr' && application)
        yield [
          'Applications are measured to PCR 2, as Google’s firmware does on TDX: PCR 4 says nothing about what was started',
          application.index,
        ];
    },
  },
];

/** CC measurement register indices (UEFI 2.11, 38.4.1). */
const rtmr0 = 1;
const rtmr1 = 2;

/** At ReadyToBoot old edk2 measures the action to RTMR1 and the separator behind it to RTMR0 (mended in efaf8931bb). */
function isOldReadyToBoot(action: LoggedEvent, separator: LoggedEvent): boolean {
  return (
    action.registerIndex === rtmr1 &&
    action.untrustedEventType === eventTypes.EV_EFI_ACTION &&
    startsWith(action.untrustedData, actions.callingApplication) &&
    separator.untrustedData.length === 4 &&
    separator.untrustedData.every((byte) => byte === 0) &&
    checkDigests(separator).verdict === 'verified'
  );
}

const returning = Uint8Array.from('Returning from EFI Application', (character) => character.charCodeAt(0));

/** More than this of one kind is not told one by one. */
const maxEach = 8;

/** What is odd about a log, from a table of what firmware is known to do. */
export function findQuirks(file: EventLogFile): LogQuirk[] {
  const extended = file.log.events.filter((event) => event.untrustedEventType !== eventTypes.EV_NO_ACTION);
  return rules.flatMap(({ code, find }) => {
    const found: LogQuirk[] = [];
    for (const [text, eventIndex] of find(file, extended)) {
      found.push({ code, text, eventIndex });
      if (found.length >= maxEach) break;
    }
    return found;
  });
}

function startsWith(data: Uint8Array, text: Uint8Array): boolean {
  return data.length >= text.length && text.every((byte, index) => data[index] === byte);
}
