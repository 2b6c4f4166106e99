import { hexNumber } from '../bytes/hex.ts';
import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { looksLikeCelCbor, parseCelCbor } from './canonical-cbor.ts';
import { looksLikeJson, parseJsonEventLog } from './canonical-json.ts';
import { looksLikeCelTlv, parseCelTlv } from './canonical-tlv.ts';
import { ccelTableBytes, isCcEventLog, isCcelTable } from './cc-event-log.ts';
import { type EventLogStart, parseEventLogStart } from './event-log.ts';
import type { EventLogFile } from './log-file.ts';

/** The last PCR of a PC client's TPM (PC Client Platform TPM Profile 1.06, 4.6). */
const lastPcr = 23;

/**
 * Finds out of its bytes what kind of event log a file is, and reads it as far as it can be read: padding is counted,
 * what stands behind a broken event is told as damage, never left out silently.
 *
 * Throws a `MeasureError` when the bytes are no event log, or when not even one event can be read.
 */
export function readEventLog(bytes: Uint8Array): EventLogFile {
  if (bytes.length === 0) throw new MeasureError('truncated', 'The event log is empty', { offset: 0 });
  if (isCcelTable(bytes)) return readBehindTable(bytes);
  if (looksLikeJson(bytes)) return parseJsonEventLog(bytes);
  if (looksLikeCelTlv(bytes)) return parseCelTlv(bytes);
  if (looksLikeCelCbor(bytes)) return parseCelCbor(bytes);
  return readBinaryLog(bytes);
}

function readBehindTable(bytes: Uint8Array): EventLogFile {
  if (bytes.length > ccelTableBytes) return readBinaryLog(bytes.subarray(ccelTableBytes));
  throw new MeasureError(
    'unsupported',
    'This is the ACPI table "CCEL", which only says where the event log lies; the log itself is in /sys/firmware/acpi/tables/data/CCEL',
  );
}

function readBinaryLog(bytes: Uint8Array): EventLogFile {
  const start = refuseOther(bytes);
  const { log } = start;
  const headerIndex = new Reader(bytes, 'TCG_PCR_EVENT').u32('pcrIndex');
  const isCc = log.format === 'crypto-agile' && isCcEventLog(log, headerIndex);
  return {
    kind: log.format === 'sha1' ? 'sha1' : isCc ? 'cc' : 'tcg2',
    registers: isCc ? 'cc' : 'pcr',
    log,
    ...readTail(bytes, start),
  };
}

/** A SHA-1 log has no signature: only its first event tells it from any other file. */
function refuseOther(bytes: Uint8Array): EventLogStart {
  let start: EventLogStart;
  try {
    start = parseEventLogStart(bytes, { padded: true });
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    throw noEventLog(error);
  }
  const { log, stop } = start;
  if (log.format !== 'sha1') return start;
  const [first] = log.events;
  if (!first) throw noEventLog(stop?.error);
  if (first.registerIndex > lastPcr)
    throw noEventLog(
      new MeasureError('malformed', `TCG_PCR_EVENT.pcrIndex at 0x0: there is no PCR ${first.registerIndex}`),
    );
  return start;
}

function noEventLog(cause: MeasureError | undefined): MeasureError {
  const why = cause ? `: ${cause.message}` : '';
  return new MeasureError(cause?.code ?? 'malformed', `The file is no event log that altee knows${why}`, {
    offset: cause?.offset ?? 0,
    cause,
  });
}

function readTail(bytes: Uint8Array, { stop }: EventLogStart): Pick<EventLogFile, 'paddingBytes' | 'damage'> {
  if (!stop) return { paddingBytes: 0, damage: undefined };
  const tail = bytes.subarray(stop.offset);
  // TDVF fills the log's area with 0xff, other firmware with zeros.
  if (!stop.error || tail.every((byte) => byte === 0xff))
    return { paddingBytes: tail.length, damage: undefined };
  return {
    paddingBytes: 0,
    damage: { offset: stop.offset, length: tail.length, message: stop.error.message },
  };
}

/** One line about what could not be read. */
export function describeDamage({ offset, length, message }: NonNullable<EventLogFile['damage']>): string {
  return `The last ${length} bytes, from ${hexNumber(offset)} on, are no event: ${message}`;
}
