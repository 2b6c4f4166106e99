import { equalBytes } from '../bytes/compare.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { tpmHashAlgorithms } from '../tpm/bank.ts';
import { eventTypes } from './event-type.ts';

/** A hash algorithm that a log's header declares. */
export interface LogAlgorithm {
  /** TPM_ALG_ID. */
  readonly id: number;
  /** The registry's name (`sha256`), or `0x0099` for one this library doesn't know. */
  readonly name: string;
  /** Digest size in bytes, as the header says. */
  readonly size: number;
}

/** TCG_EfiSpecIDEvent, the contents of a crypto-agile log's first event. */
export interface SpecId {
  readonly platformClass: number;
  /** `2.0.0`: major, minor, errata. */
  readonly version: string;
  readonly uintnSize: number;
  readonly algorithms: readonly LogAlgorithm[];
  readonly vendorInfo: Uint8Array;
}

/**
 * One event as the log tells it. The replay of a log proves its digests. It proves neither types nor data:
 * they are what the log's writer claims.
 */
export interface LoggedEvent {
  /** Position in the log; the header event is not counted. */
  readonly index: number;
  /** Offset of the event in the log. */
  readonly offset: number;
  readonly registerIndex: number;
  readonly untrustedEventType: number;
  /** Algorithm name → digest, in the log's order. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly untrustedData: Uint8Array;
  /**
   * Set where the event is none of a PC client's, as canonical logs can have them (`systemd`, `ima_template`): what its
   * writer calls it. The event type then says nothing.
   */
  readonly untrustedContentType?: string | undefined;
}

/** A parsed event log. */
export interface EventLog {
  readonly format: 'crypto-agile' | 'sha1' | 'canonical';
  /** Present in crypto-agile logs. */
  readonly specId: SpecId | undefined;
  readonly algorithms: readonly LogAlgorithm[];
  readonly events: readonly LoggedEvent[];
}

const specIdSignature = ascii('Spec ID Event03\0');
const sha1Only: LogAlgorithm = { id: 0x0004, name: 'sha1', size: 20 };

/**
 * Parses a TPM event log (TCG PC Client Platform Firmware Profile 1.06, section 10): crypto-agile when the first
 * event is a "Spec ID Event03", else the SHA-1 log of TPM 1.2 and early firmware.
 *
 * Every length is checked before it is used; event data is a view of the input. Throws `truncated`,
 * `malformed` or `trailing`; an empty log is `truncated`.
 */
export function parseEventLog(bytes: Uint8Array): EventLog {
  const { log, stop } = parseEventLogStart(bytes);
  if (stop?.error) throw stop.error;
  return log;
}

/** As much of a log as can be read. */
export interface EventLogStart {
  readonly log: EventLog;
  /** Where reading ended before the bytes did: offset of the event that can't be read, and why not. */
  readonly stop: { readonly offset: number; readonly error: MeasureError | undefined } | undefined;
}

/**
 * Parses a log up to the first event that can't be read; only a broken header throws. With `padded`, reading also
 * stops, without an error, where nothing but zeros follows.
 */
export function parseEventLogStart(bytes: Uint8Array, options: { padded?: boolean } = {}): EventLogStart {
  const reader = new Reader(bytes, 'TCG_PCR_EVENT');
  const header = readSha1Event(reader, 0);
  const padded = options.padded === true;
  if (
    header.untrustedEventType !== eventTypes.EV_NO_ACTION ||
    !equalBytes(header.untrustedData.subarray(0, specIdSignature.length), specIdSignature)
  ) {
    const all = new Reader(bytes, 'TCG_PCR_EVENT');
    const { events, stop } = readEvents(bytes, all, padded, (index) => readSha1Event(all, index));
    return { log: { format: 'sha1', specId: undefined, algorithms: [sha1Only], events }, stop };
  }
  const dataOffset = reader.offset - header.untrustedData.length;
  const specId = readSpecId(new Reader(header.untrustedData, 'TCG_EfiSpecIDEvent', dataOffset));
  const rest = new Reader(bytes.subarray(reader.offset), 'TCG_PCR_EVENT2', reader.offset);
  const byId = new Map(specId.algorithms.map((algorithm) => [algorithm.id, algorithm]));
  const { events, stop } = readEvents(bytes, rest, padded, (index) => readAgileEvent(rest, index, byId));
  return { log: { format: 'crypto-agile', specId, algorithms: specId.algorithms, events }, stop };
}

function readEvents(
  bytes: Uint8Array,
  reader: Reader,
  padded: boolean,
  read: (index: number) => LoggedEvent,
): { events: LoggedEvent[]; stop: EventLogStart['stop'] } {
  const events: LoggedEvent[] = [];
  const end = padded ? bytes.findLastIndex((byte) => byte !== 0) + 1 : bytes.length;
  while (reader.remaining > 0) {
    const offset = reader.offset;
    if (offset >= end) return { events, stop: { offset, error: undefined } };
    try {
      events.push(read(events.length));
    } catch (error) {
      if (!(error instanceof MeasureError)) throw error;
      return { events, stop: { offset, error } };
    }
  }
  return { events, stop: undefined };
}

function readSpecId(reader: Reader): SpecId {
  reader.bytes(specIdSignature.length, 'signature');
  const platformClass = reader.u32('platformClass');
  const minor = reader.u8('specVersionMinor');
  const major = reader.u8('specVersionMajor');
  const errata = reader.u8('specErrata');
  const uintnSize = reader.u8('uintnSize');
  const count = reader.u32('numberOfAlgorithms');
  if (count === 0 || count > reader.remaining / 4) {
    throw reader.error('malformed', 'numberOfAlgorithms', `${count} algorithms do not fit`);
  }
  const algorithms = new Map<number, LogAlgorithm>();
  for (let i = 0; i < count; i++) {
    const at = reader.offset;
    const id = reader.u16('algorithmId');
    const size = reader.u16('digestSize');
    const known = tpmHashAlgorithms.find((algorithm) => algorithm.id === id);
    if (known && known.size !== size) {
      throw reader.error('malformed', 'digestSize', `${known.name} has ${known.size} bytes, not ${size}`, at);
    }
    if (algorithms.has(id))
      throw reader.error('malformed', 'algorithmId', `0x${id.toString(16)} stands there twice`, at);
    algorithms.set(id, { id, name: known?.name ?? `0x${id.toString(16).padStart(4, '0')}`, size });
  }
  const vendorInfo = reader.bytes(reader.u8('vendorInfoSize'), 'vendorInfo');
  reader.end();
  return {
    platformClass,
    version: `${major}.${minor}.${errata}`,
    uintnSize,
    algorithms: [...algorithms.values()],
    vendorInfo,
  };
}

function readSha1Event(reader: Reader, index: number): LoggedEvent {
  const offset = reader.offset;
  const registerIndex = reader.u32('pcrIndex');
  const untrustedEventType = reader.u32('eventType');
  const digest = reader.bytes(20, 'digest');
  const untrustedData = reader.bytes(reader.u32('eventDataSize'), 'event');
  return {
    index,
    offset,
    registerIndex,
    untrustedEventType,
    digests: new Map([['sha1', digest]]),
    untrustedData,
  };
}

function readAgileEvent(
  reader: Reader,
  index: number,
  algorithms: ReadonlyMap<number, LogAlgorithm>,
): LoggedEvent {
  const offset = reader.offset;
  const registerIndex = reader.u32('pcrIndex');
  const untrustedEventType = reader.u32('eventType');
  const digests = readDigests(reader, algorithms);
  const untrustedData = reader.bytes(reader.u32('eventSize'), 'event');
  return { index, offset, registerIndex, untrustedEventType, digests, untrustedData };
}

/** TPML_DIGEST_VALUES: only algorithms that the header declares can be read, as their sizes stand there. */
function readDigests(reader: Reader, algorithms: ReadonlyMap<number, LogAlgorithm>): Map<string, Uint8Array> {
  const digests = new Map<string, Uint8Array>();
  const at = reader.offset;
  const count = reader.u32('digests.count');
  if (count > algorithms.size) {
    throw reader.error(
      'malformed',
      'digests.count',
      `${count} digests, but the header declares ${algorithms.size}`,
      at,
    );
  }
  for (let i = 0; i < count; i++) {
    const start = reader.offset;
    const id = reader.u16('hashAlg');
    const algorithm = algorithms.get(id);
    if (!algorithm) {
      throw reader.error('malformed', 'hashAlg', `0x${id.toString(16)} is not in the header`, start);
    }
    if (digests.has(algorithm.name)) {
      throw reader.error('malformed', 'hashAlg', `${algorithm.name} stands there twice`, start);
    }
    digests.set(algorithm.name, reader.bytes(algorithm.size, 'digest'));
  }
  return digests;
}

/** A log to be written: events whose digests cover all the algorithms. */
export interface EventLogContents {
  /** Register of the header event: 0 by default; 1 in logs of confidential VMs, which are told by it. */
  readonly headerIndex?: number | undefined;
  readonly algorithms: readonly LogAlgorithm[];
  readonly events: readonly Pick<
    LoggedEvent,
    'registerIndex' | 'untrustedEventType' | 'digests' | 'untrustedData'
  >[];
}

/** Throws unless the event has a digest in each bank. */
export function digestFor(
  event: Pick<LoggedEvent, 'registerIndex' | 'digests'>,
  algorithm: string,
): Uint8Array {
  const digest = event.digests.get(algorithm);
  if (!digest)
    throw new MeasureError('not-found', `An event of PCR ${event.registerIndex} has no ${algorithm} digest`);
  return digest;
}
