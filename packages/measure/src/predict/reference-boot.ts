import { equalBytes } from '../bytes/compare.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { type Hasher, type HashName, hashNames } from '../hash.ts';
import { parseImageLoadEvent } from '../tcg/decode/image-load.ts';
import { checkDigests } from '../tcg/digest-check.ts';
import { actions, separatorData } from '../tcg/event-data.ts';
import type { LoggedEvent } from '../tcg/event-log.ts';
import { eventTypes } from '../tcg/event-type.ts';
import { readEventLog } from '../tcg/read-event-log.ts';
import { startupLocality } from '../tcg/startup-locality.ts';

/** A boot as an event log tells it, cut where the image was started. */
export interface ReferenceBoot {
  /** Banks in which every event has a digest. */
  readonly banks: readonly HashName[];
  /** What PCR 0 started from, where the log tells that it is not 0. */
  readonly startupLocality: number | undefined;
  /** Events that extend a register, in the log's order. */
  readonly events: readonly LoggedEvent[];
  /** Index of the event with which the image was started, or why that place is not certain. */
  readonly cut: { readonly index: number } | { readonly uncertain: string };
}

const returning = ascii('Returning from EFI Application from Boot Option');

/**
 * Reads the log of one boot of a machine. Where the image was started: at the first application in PCR 4 behind its
 * separator that firmware did not take out of its own volumes.
 *
 * Throws a `MeasureError` when the bytes are no whole TCG2 log, or no bank is complete in it.
 */
export function readReferenceBoot(bytes: Uint8Array, hasher: Hasher): ReferenceBoot {
  const { kind, log, damage } = readEventLog(bytes);
  if (kind !== 'tcg2') {
    throw new MeasureError(
      'unsupported',
      `A reference log has to be a TPM 2.0's (TCG2); this one is of kind "${kind}"`,
    );
  }
  if (damage) {
    throw new MeasureError('malformed', `The reference log is damaged: ${damage.message}`, {
      offset: damage.offset,
    });
  }
  const events = log.events.filter(
    ({ untrustedEventType }) => untrustedEventType !== eventTypes.EV_NO_ACTION,
  );
  const banks = hashNames.filter((bank) => events.every(({ digests }) => digests.has(bank)));
  if (events.length === 0 || banks.length === 0) {
    throw new MeasureError(
      'unsupported',
      'The reference log has no bank in which each of its events has a digest',
    );
  }
  return {
    banks,
    // 0 is the same as none.
    startupLocality: startupLocality(log) || undefined,
    events,
    cut: findCut(events, hasher),
  };
}

/** Whether the event is a separator of a boot without errors, and measured what it says. */
export function isSeparator(event: LoggedEvent, hasher: Hasher): boolean {
  return (
    event.untrustedEventType === eventTypes.EV_SEPARATOR &&
    equalBytes(event.untrustedData, separatorData) &&
    checkDigests(event, hasher).verdict === 'verified'
  );
}

/** Whether the event is that EV_EFI_ACTION, and measured what it says. */
export function isAction(event: LoggedEvent, text: Uint8Array, hasher: Hasher): boolean {
  return (
    event.untrustedEventType === eventTypes.EV_EFI_ACTION &&
    equalBytes(event.untrustedData, text) &&
    checkDigests(event, hasher).verdict === 'verified'
  );
}

function findCut(events: readonly LoggedEvent[], hasher: Hasher): ReferenceBoot['cut'] {
  const pcr4 = events.filter(({ registerIndex }) => registerIndex === 4);
  const separators = pcr4.filter((event) => isSeparator(event, hasher));
  const [separator] = separators;
  if (!separator || separators.length > 1) {
    return { uncertain: `The reference log has ${separators.length} separators in PCR 4, not one` };
  }
  const attempts = events.filter((event) => isAction(event, actions.callingApplication, hasher)).length;
  if (attempts > 1 || pcr4.some((event) => isAction(event, returning, hasher))) {
    return { uncertain: 'The reference log tells of more than one boot attempt' };
  }
  const started = pcr4.find(
    (event) => event.index > separator.index && isApplication(event) && !isFirmwares(event),
  );
  if (!started) {
    return {
      uncertain: 'The reference log has no application in PCR 4 behind the separator: firmware measured none',
    };
  }
  if (pathOf(started).length === 0) {
    return { uncertain: 'The reference log does not say where the first application in PCR 4 came from' };
  }
  const late = events.find(
    (event) =>
      event.index > started.index &&
      event.registerIndex <= 7 &&
      event.untrustedEventType === eventTypes.EV_SEPARATOR,
  );
  if (late)
    return {
      uncertain: `The reference log has the separator of PCR ${late.registerIndex} behind the application`,
    };
  return { index: started.index };
}

function isApplication({ untrustedEventType }: LoggedEvent): boolean {
  return untrustedEventType === eventTypes.EV_EFI_BOOT_SERVICES_APPLICATION;
}

const MEDIA_NODE = 4;
const FIRMWARE_FILE = 6;
const FIRMWARE_VOLUME = 7;
const END_NODE = 0x7f;

/** Whether the program lay in a firmware volume: a set-up program, an agent (UEFI 2.11, 10.3.5.6 and 10.3.5.7). */
function isFirmwares(event: LoggedEvent): boolean {
  try {
    const reader = new Reader(pathOf(event), 'EFI_DEVICE_PATH_PROTOCOL');
    while (reader.remaining >= 4) {
      const type = reader.u8('Type');
      const subType = reader.u8('SubType');
      const length = reader.u16('Length');
      if (type === END_NODE) return false;
      if (type === MEDIA_NODE && (subType === FIRMWARE_FILE || subType === FIRMWARE_VOLUME)) return true;
      reader.skip(length - 4, 'Data');
    }
    return false;
  } catch (error) {
    if (error instanceof MeasureError) return false;
    throw error;
  }
}

function pathOf({ untrustedData }: LoggedEvent): Uint8Array {
  try {
    return parseImageLoadEvent(untrustedData).devicePath;
  } catch (error) {
    if (error instanceof MeasureError) return new Uint8Array(0);
    throw error;
  }
}
