import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import type { EventLog } from '../tcg/event-log.ts';
import { eventTypes } from '../tcg/event-type.ts';

/** One extension of a PCR as a TPM received it, or as a replayed log tells it. Digests in lower-case hex. */
export interface ObservedExtend {
  readonly registerIndex: number;
  readonly digests: Readonly<Partial<Record<HashName, string>>>;
}

/** What a machine's TPM went through. */
export interface ObservedMeasurements {
  /** All extensions in order; absent when only values are known. */
  readonly extends?: readonly ObservedExtend[] | undefined;
  /** What PCR 0 started from; 0 unless told. */
  readonly startupLocality?: number | undefined;
  /** PCR values that were read, in hex, by bank and index. Where one is absent the extensions' replay counts. */
  readonly values?: Readonly<Partial<Record<HashName, Readonly<Record<number, string>>>>> | undefined;
}

/** The extensions that an event log tells of. They are as true as the log: compare the values with a quote or the TPM. */
export function extendsOfEventLog(log: EventLog): ObservedExtend[] {
  return log.events
    .filter((event) => event.untrustedEventType !== eventTypes.EV_NO_ACTION)
    .map(({ registerIndex, digests }) => ({
      registerIndex,
      digests: Object.fromEntries([...digests].map(([name, digest]) => [name, toHex(digest)])),
    }));
}
