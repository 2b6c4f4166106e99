import { MeasureError } from '../error.ts';
import { tpmHashAlgorithms } from '../tpm/bank.ts';
import type { EventLog, LogAlgorithm, LoggedEvent } from './event-log.ts';
import { eventTypes } from './event-type.ts';

/** A record of a canonical event log, whatever its encoding (TCG Canonical Event Log Format 1.0, 4). */
export interface CanonicalRecord {
  readonly offset: number;
  readonly registerIndex: number;
  /** By name. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly contentType: string;
  /** Of a PC client's event; others have none. */
  readonly eventType: number | undefined;
  readonly data: Uint8Array;
}

/** Names of the content types (TCG Canonical Event Log Format 1.0, 5.1); `cos` is Google's. */
export const contentTypes: ReadonlyMap<number, string> = new Map([
  [4, 'cel'],
  [5, 'pcclient_std'],
  [7, 'ima_template'],
  [8, 'ima_tlv'],
  [9, 'systemd'],
  [80, 'cos'],
]);

/** The log that canonical records make. */
export function canonicalLog(records: readonly CanonicalRecord[]): EventLog {
  const algorithms = new Map<string, LogAlgorithm>();
  for (const { digests } of records) {
    for (const [name, { length }] of digests) algorithms.set(name, { ...algorithmOf(name), size: length });
  }
  return {
    format: 'canonical',
    specId: undefined,
    algorithms: [...algorithms.values()],
    events: records.map(toEvent),
  };
}

function toEvent(record: CanonicalRecord, index: number): LoggedEvent {
  const { offset, registerIndex, digests, contentType, eventType, data } = record;
  const common = { index, offset, registerIndex, digests, untrustedData: data };
  if (eventType !== undefined) return { ...common, untrustedEventType: eventType };
  // Records about the log itself are not extended where they carry no digest.
  const extended = [...digests.values()].some((digest) => digest.some((byte) => byte !== 0));
  return {
    ...common,
    untrustedEventType: extended ? eventTypes.EV_UNUSED : eventTypes.EV_NO_ACTION,
    untrustedContentType: contentType,
  };
}

function algorithmOf(name: string): { id: number; name: string } {
  return tpmHashAlgorithms.find((algorithm) => algorithm.name === name) ?? { id: 0, name };
}

/** The registry's name of a TPM_ALG_ID, with the digest's size checked. Throws `malformed`. */
export function digestName(id: number, digest: Uint8Array, offset: number): string {
  const known = tpmHashAlgorithms.find((algorithm) => algorithm.id === id);
  if (!known) return `0x${id.toString(16).padStart(4, '0')}`;
  checkDigestSize(known.name, digest, offset);
  return known.name;
}

/** Throws `malformed` when a digest of a known algorithm has another size. */
export function checkDigestSize(name: string, digest: Uint8Array, offset: number): void {
  const known = tpmHashAlgorithms.find((algorithm) => algorithm.name === name);
  if (known && known.size !== digest.length)
    throw new MeasureError('malformed', `CEL digest: ${name} has ${known.size} bytes, not ${digest.length}`, {
      offset,
    });
}
