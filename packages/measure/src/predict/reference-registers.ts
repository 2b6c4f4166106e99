import { equalBytes } from '../bytes/compare.ts';
import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { checkDigests } from '../tcg/digest-check.ts';
import { actions } from '../tcg/event-data.ts';
import type { LoggedEvent } from '../tcg/event-log.ts';
import { eventTypes } from '../tcg/event-type.ts';
import { readStubVersion } from '../uki/stub.ts';
import type { PredictionContext, RegisterAnswer } from './context.ts';
import { predictPcr04 } from './pcr04.ts';
import { predictPcr05 } from './pcr05.ts';
import { predictPcr07 } from './pcr07.ts';
import type { PredictedEvent } from './prediction.ts';
import { isAction, isSeparator, type ReferenceBoot } from './reference-boot.ts';
import { copiedEvent } from './reference-event.ts';
import { stubMeasuresSmbios, stubSmbiosTags } from './stub-smbios.ts';

type Refusal = Exclude<RegisterAnswer, { readonly events: unknown }>;

/** A register's events in the log, before and behind the start of the image. */
interface Parts {
  readonly before: readonly LoggedEvent[];
  readonly behind: readonly LoggedEvent[];
}

const unpredictable = (reason: string): Refusal => ({ status: 'unpredictable', reason });
const hostDependent = (reason: string): Refusal => ({ status: 'host-dependent', reason });

/** What is copied holds only where nothing was changed since. */
const COPIED =
  'Taken from the reference log: true of this machine while firmware, settings and devices stay as they were';

/** A register that firmware alone extends (PCR 0, 2, 3, 6): as in the log. */
export function copyFirmwareRegister(
  boot: ReferenceBoot,
  context: PredictionContext,
  pcr: number,
): RegisterAnswer {
  const parts = split(boot, context, pcr);
  if ('status' in parts) return parts;
  if (parts.behind.length > 0) {
    return unpredictable(`The reference log has events of PCR ${pcr} behind the start of the image`);
  }
  return copied(boot, parts.before);
}

/** PCR 1: firmware's part as in the log; the stub's, if it measures SMBIOS structures, too. */
export function copyConfiguration(boot: ReferenceBoot, context: PredictionContext): RegisterAnswer {
  const parts = split(boot, context, 1);
  if ('status' in parts) return parts;
  const stubs = parts.behind.filter(isStubSmbios);
  if (stubs.length < parts.behind.length) {
    return unpredictable('The reference log has events of PCR 1 behind the start of the image');
  }
  const { major } = readStubVersion(context.uki, context.pe);
  const measures = stubMeasuresSmbios(major);
  if (measures === undefined) {
    return unpredictable(`Whether systemd-stub ${major} measures SMBIOS structures here is not known`);
  }
  if (measures && stubs.length === 0) {
    return hostDependent(
      `systemd-stub ${major} measures SMBIOS structures here, and the image of the reference log did not: make the log with a stub that does`,
    );
  }
  const reason = `${COPIED}, boot entries included`;
  return copied(boot, [...parts.before, ...(measures ? stubs : [])], reason);
}

/** PCR 4: firmware's part as in the log, then the programs of the image that is predicted. */
export function replaceImage(boot: ReferenceBoot, context: PredictionContext): RegisterAnswer {
  const parts = split(boot, context, 4);
  if ('status' in parts) return parts;
  if ('uncertain' in boot.cut) return unpredictable(boot.cut.uncertain);
  if (
    context.secureBoot.kind === 'missing' &&
    'value' in context.stub &&
    context.stub.value.loadsKernelImage
  ) {
    return hostDependent(`${context.secureBoot.reason}, and with it whether the kernel is measured here`);
  }
  const answer = predictPcr04(context);
  if (!('events' in answer)) return answer;
  const programs = answer.events.filter(({ eventType }) => eventType === 'EV_EFI_BOOT_SERVICES_APPLICATION');
  const replaced = parts.behind.filter(isApplication).length;
  return {
    status: 'assumed',
    reason: `Boot attempt as in the reference log; the image is computed, in place of the ${replaced === 1 ? 'program' : `${replaced} programs`} started then`,
    events: [...copyAll(boot, parts.before), ...programs],
  };
}

/** PCR 5: as in the log, with the partition table of the disk that is predicted. */
export function replacePartitionTable(boot: ReferenceBoot, context: PredictionContext): RegisterAnswer {
  const { hasher, gpt } = context;
  const parts = split(boot, context, 5);
  if ('status' in parts) return parts;
  if ('uncertain' in boot.cut) return unpredictable(boot.cut.uncertain);
  if (gpt === undefined)
    return hostDependent('The partition table of the boot disk is measured here, and no disk was given');
  const exits = parts.behind.filter(
    ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_ACTION,
  );
  const [invocation, success] = exits;
  if (
    exits.length !== 2 ||
    !(invocation && isAction(invocation, actions.exitBootServicesInvocation, hasher)) ||
    !(success && isAction(success, actions.exitBootServicesSuccess, hasher))
  ) {
    return exits.length === 0
      ? hostDependent(
          'The reference log ends before firmware handed over to the kernel, which is measured here',
        )
      : unpredictable(
          'The reference log does not tell of one hand-over to the kernel that succeeded at once',
        );
  }
  const tables = [...parts.before, ...parts.behind].filter(isPartitionTable);
  const [table] = tables;
  if (tables.length > 1 || (table && !parts.before.includes(table))) {
    return unpredictable(
      'The reference log has several partition tables, or one behind the start of the image',
    );
  }
  if (
    table &&
    (table.untrustedEventType !== eventTypes.EV_EFI_GPT_EVENT ||
      checkDigests(table, hasher).verdict !== 'verified')
  ) {
    return unpredictable('The reference log’s partition table is not measured by a rule that altee knows');
  }
  if (!table && gpt !== 'none') {
    return hostDependent(
      'The disk of the reference log had no partition table, so that it does not tell how this firmware measures one',
    );
  }
  const answer = predictPcr05(context);
  if (!('events' in answer)) return answer;
  const ours = answer.events.filter(({ eventType }) => eventType === 'EV_EFI_GPT_EVENT');
  return {
    status: 'assumed',
    reason: 'As in the reference log, with the partition table of this disk in place of that one',
    events: [
      ...parts.before.flatMap((event) => (event === table ? ours : copiedEvent(event, boot.banks, 'crtm'))),
      ...exits.map((event) => copiedEvent(event, boot.banks, 'exit-boot-services')),
    ],
  };
}

/** PCR 7: keys as in the log; who vouches for the image follows from them. */
export function replaceAuthority(boot: ReferenceBoot, context: PredictionContext): RegisterAnswer {
  const parts = split(boot, context, 7);
  if ('status' in parts) return parts;
  const { secureBoot } = context;
  if (secureBoot.kind === 'missing' || secureBoot.kind === 'contradiction')
    return hostDependent(secureBoot.reason);
  if (secureBoot.kind !== 'starts') return unpredictable(secureBoot.reason);
  const ready = boot.events.find(
    (event) => event.registerIndex === 4 && isSeparator(event, context.hasher),
  )?.index;
  const late = parts.before.filter(({ index }) => ready !== undefined && index > ready);
  if (late.some(({ untrustedEventType }) => untrustedEventType !== eventTypes.EV_EFI_VARIABLE_AUTHORITY)) {
    return unpredictable(
      'The reference log has events in PCR 7 between the separators and the image that no rule explains',
    );
  }
  const kept = parts.before.filter((event) => !late.includes(event));
  if (secureBoot.authority === 'not-asked') {
    if (late.length === 0) return copied(boot, kept);
    return unpredictable(
      'The reference log says that Secure Boot is off, and names an authority for the image',
    );
  }
  if ('uncertain' in boot.cut) return unpredictable(boot.cut.uncertain);
  const earlier = kept.filter(
    ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_VARIABLE_AUTHORITY,
  );
  if (late.length > 1 || late.length + earlier.length === 0) {
    return unpredictable(
      `The reference log names ${late.length} authorities for the image that it started, not one`,
    );
  }
  const answer = predictPcr07(context);
  if (!('events' in answer)) return answer;
  // Firmware measures each authority once in a boot, be it for a driver or for the image.
  const ours = answer.events.filter(
    (event) =>
      event.eventType === 'EV_EFI_VARIABLE_AUTHORITY' &&
      !earlier.some((other) => measuresSame(other, event, boot)),
  );
  return {
    status: 'assumed',
    reason: `Keys as in the reference log; of them ${secureBoot.authority.description} in db vouches for the image`,
    events: [...copyAll(boot, kept), ...ours],
  };
}

/** The register that the image alone decides, whatever the machine. */
const IMAGE_ALONE = 11;
/** What the stub takes from outside the image: command lines, credentials, extensions. */
const FROM_OUTSIDE: readonly number[] = [12, 13];

/**
 * PCR 8 and up belong to what was started: nothing is copied, but firmware must have left them alone, and the host must
 * have passed nothing to the stub. That it does not pass anything now is no more than assumed.
 */
export function computeAlone(
  boot: ReferenceBoot,
  pcr: number,
  predict: () => RegisterAnswer,
): RegisterAnswer {
  const { cut, events } = boot;
  if ('index' in cut && events.some(({ registerIndex, index }) => registerIndex === pcr && index < cut.index))
    return unpredictable(`In the reference log firmware itself extends PCR ${pcr}`);
  if (pcr === IMAGE_ALONE) return predict();
  if ('uncertain' in cut) return unpredictable(cut.uncertain);
  const outside = events.find(({ registerIndex }) => FROM_OUTSIDE.includes(registerIndex));
  if (outside && [9, ...FROM_OUTSIDE].includes(pcr)) {
    return hostDependent(
      `The reference log shows that something from outside reached what was booted (event ${outside.index + 1}, PCR ${outside.registerIndex}): what this image would be given is not known`,
    );
  }
  const answer = predict();
  if (answer.status !== 'predicted') return answer;
  return {
    ...answer,
    status: 'assumed',
    reason: `${answer.reason}; that nothing from outside reaches the image is taken from the reference log`,
  };
}

/** Refuses what has not exactly one separator, and events whose origin is not certain. */
function split({ events, cut }: ReferenceBoot, { hasher }: PredictionContext, pcr: number): Parts | Refusal {
  const own = events.filter(({ registerIndex }) => registerIndex === pcr);
  const separators = own.filter(({ untrustedEventType }) => untrustedEventType === eventTypes.EV_SEPARATOR);
  const [separator] = separators;
  if (!separator || separators.length > 1 || !isSeparator(separator, hasher)) {
    return unpredictable(
      `The reference log has not one good separator in PCR ${pcr}: it tells of no ordinary boot`,
    );
  }
  if ('index' in cut) {
    return {
      before: own.filter(({ index }) => index < cut.index),
      behind: own.filter(({ index }) => index >= cut.index),
    };
  }
  if (own.at(-1) !== separator) return unpredictable(cut.uncertain);
  return { before: own, behind: [] };
}

function copied(boot: ReferenceBoot, events: readonly LoggedEvent[], reason = COPIED): RegisterAnswer {
  return { status: 'assumed', reason, events: copyAll(boot, events) };
}

function copyAll({ banks, cut }: ReferenceBoot, events: readonly LoggedEvent[]): PredictedEvent[] {
  return events.map((event) =>
    copiedEvent(event, banks, 'index' in cut && event.index > cut.index ? 'stub' : 'crtm'),
  );
}

function isApplication({ untrustedEventType }: LoggedEvent): boolean {
  return untrustedEventType === eventTypes.EV_EFI_BOOT_SERVICES_APPLICATION;
}

function isPartitionTable({ untrustedEventType }: LoggedEvent): boolean {
  return (
    untrustedEventType === eventTypes.EV_EFI_GPT_EVENT || untrustedEventType === eventTypes.EV_EFI_GPT_EVENT2
  );
}

function isStubSmbios({ untrustedEventType, untrustedData }: LoggedEvent): boolean {
  if (untrustedEventType !== eventTypes.EV_EVENT_TAG || untrustedData.length < 4) return false;
  return stubSmbiosTags.includes(new Reader(untrustedData, 'TCG_PCClientTaggedEvent').u32('taggedEventID'));
}

function measuresSame(logged: LoggedEvent, { digests }: PredictedEvent, { banks }: ReferenceBoot): boolean {
  return banks.every((bank) => {
    const [a, b] = [logged.digests.get(bank), digests[bank]];
    if (!a || !b) throw new MeasureError('not-found', `An event of PCR 7 has no ${bank} digest`);
    return equalBytes(a, b);
  });
}
