import { Reader } from '../bytes/reader.ts';
import { MeasureError } from '../error.ts';
import { type CanonicalRecord, canonicalLog, contentTypes, digestName } from './canonical-record.ts';
import type { EventLogFile, LogRegisters } from './log-file.ts';

/** Types of a record's fields (TCG Canonical Event Log Format 1.0, 5.1); 108 is Google's, for RTMRs. */
const fields = { recnum: 0, pcr: 1, nvIndex: 2, digests: 3, ccMr: 108 } as const;
/** Fields of `pcclient_std` contents (5.2). */
const pcclient = { eventType: 0, eventData: 1 } as const;

interface Tlv {
  readonly type: number;
  readonly offset: number;
  readonly value: Uint8Array;
}

/**
 * A record number, then the index of a register. The number alone could be a SHA-1 log's PCR and event type.
 */
export function looksLikeCelTlv(bytes: Uint8Array): boolean {
  const length = headerLength(bytes, 0, [fields.recnum]);
  if (length !== 4 && length !== 8) return false;
  const next = headerLength(bytes, 5 + length, [fields.pcr, fields.nvIndex, fields.ccMr]);
  return next === 1 || next === 4;
}

/** The length that stands behind one of these types, where it is a small one. */
function headerLength(bytes: Uint8Array, at: number, types: readonly number[]): number | undefined {
  const [type, a, b, c, length] = bytes.subarray(at, at + 5);
  return type !== undefined && types.includes(type) && a === 0 && b === 0 && c === 0 ? length : undefined;
}

/**
 * Parses a canonical event log in its TLV encoding: type of one byte, length of four (big-endian), value. Reading ends
 * at the first record that is broken. Throws `truncated` or `malformed` when that is the first one.
 */
export function parseCelTlv(bytes: Uint8Array): EventLogFile {
  const reader = new Reader(bytes, 'CEL');
  const records: CanonicalRecord[] = [];
  let registers: LogRegisters | undefined;
  let damage: EventLogFile['damage'];
  while (reader.remaining > 0 && !damage) {
    const offset = reader.offset;
    try {
      const [kind, record] = readRecord(reader, offset);
      if (registers !== undefined && registers !== kind)
        throw reader.error('malformed', 'index', 'PCRs and RTMRs stand in one log', offset);
      registers = kind;
      records.push(record);
    } catch (error) {
      if (!(error instanceof MeasureError) || records.length === 0) throw error;
      damage = { offset, length: bytes.length - offset, message: error.message };
    }
  }
  return {
    kind: 'cel-tlv',
    registers: registers ?? 'pcr',
    log: canonicalLog(records),
    paddingBytes: 0,
    damage,
  };
}

function readRecord(reader: Reader, offset: number): [LogRegisters, CanonicalRecord] {
  const recnum = readTlv(reader, 'recnum');
  if (recnum.type !== fields.recnum) throw reader.error('malformed', 'recnum', `type ${recnum.type}`, offset);
  const index = readTlv(reader, 'index');
  if (index.type !== fields.pcr && index.type !== fields.ccMr)
    throw reader.error('unsupported', 'index', `type ${index.type} is no PCR`, index.offset);
  const digests = readTlv(reader, 'digests');
  if (digests.type !== fields.digests)
    throw reader.error('malformed', 'digests', `type ${digests.type}`, digests.offset);
  const content = readTlv(reader, 'content');
  const contentType = contentTypes.get(content.type) ?? `type ${content.type}`;
  return [
    index.type === fields.ccMr ? 'cc' : 'pcr',
    {
      offset,
      registerIndex: bigEndian(index.value, reader, index.offset),
      digests: readDigests(digests),
      contentType,
      ...(contentType === 'pcclient_std'
        ? readPcclient(content)
        : { eventType: undefined, data: content.value }),
    },
  ];
}

function readDigests(tlv: Tlv): Map<string, Uint8Array> {
  const reader = new Reader(tlv.value, 'CEL.digests', tlv.offset + 5);
  const digests = new Map<string, Uint8Array>();
  while (reader.remaining > 0) {
    const { type, offset, value } = readTlv(reader, 'digest');
    const name = digestName(type, value, offset);
    if (digests.has(name)) throw reader.error('malformed', 'digest', `${name} stands there twice`, offset);
    digests.set(name, value);
  }
  return digests;
}

function readPcclient(content: Tlv): { eventType: number; data: Uint8Array } {
  const reader = new Reader(content.value, 'CEL.pcclient_std', content.offset + 5);
  const type = readTlv(reader, 'event_type');
  const data = readTlv(reader, 'event_data');
  if (type.type !== pcclient.eventType || data.type !== pcclient.eventData)
    throw reader.error(
      'malformed',
      'event_type',
      'event_type and event_data do not stand there',
      content.offset,
    );
  reader.end();
  return { eventType: bigEndian(type.value, reader, type.offset), data: data.value };
}

function readTlv(reader: Reader, field: string): Tlv {
  const offset = reader.offset;
  const type = reader.u8(`${field}.type`);
  const length = new DataView(reader.bytes(4, `${field}.length`).slice().buffer).getUint32(0);
  return { type, offset, value: reader.bytes(length, field) };
}

function bigEndian(value: Uint8Array, reader: Reader, at: number): number {
  if (value.length === 0 || value.length > 4)
    throw reader.error('malformed', 'number', `${value.length} bytes`, at);
  return value.reduce((sum, byte) => sum * 256 + byte, 0);
}
