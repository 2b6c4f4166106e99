import { defaultHasher, type Hasher, type HashName, hashNames } from '../hash.ts';
import { extendPcr, initialPcr } from '../tpm/pcr.ts';
import type { EventLog } from './event-log.ts';
import { eventTypes } from './event-type.ts';
import { startupLocality } from './startup-locality.ts';

/** Bank → PCR index → value, for every PCR that an event of the log extends. */
export type ReplayedPcrs = ReadonlyMap<HashName, ReadonlyMap<number, Uint8Array>>;

/**
 * The PCRs that a log's digests give, in each bank this library can hash. EV_NO_ACTION events are not extended;
 * PCR 0 starts from what {@link startupLocality} says.
 */
export function replayEventLog(log: EventLog, hasher: Hasher = defaultHasher): ReplayedPcrs {
  const banks = hashNames.filter((name) => log.algorithms.some((algorithm) => algorithm.name === name));
  const locality = startupLocality(log);
  return new Map(banks.map((bank) => [bank, replayBank(log, bank, locality, hasher)]));
}

function replayBank(
  log: EventLog,
  bank: HashName,
  locality: number,
  hasher: Hasher,
): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>();
  for (const event of log.events) {
    const digest = event.digests.get(bank);
    if (event.untrustedEventType === eventTypes.EV_NO_ACTION || digest === undefined) continue;
    const value =
      values.get(event.registerIndex) ?? initialPcr(bank, event.registerIndex === 0 ? locality : 0);
    values.set(event.registerIndex, extendPcr(hasher, bank, value, digest));
  }
  return values;
}
