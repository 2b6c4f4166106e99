import { fromHex } from '../bytes/hex.ts';
import { fromUtf8, utf8 } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { type CanonicalRecord, canonicalLog, checkDigestSize } from './canonical-record.ts';
import { dstackRecord, isDstackEvent } from './dstack-event.ts';
import { type EventTypeName, eventTypes } from './event-type.ts';
import type { EventLogFile } from './log-file.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Starts RFC 7464's records, as systemd writes them. */
const recordSeparator = 0x1e;

/** RFC 8259, 2. */
const whitespace: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** An object, an array, or a sequence of them: "{", "[" or RFC 7464's record separator comes first. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => !whitespace.has(byte));
  return first === 0x7b || first === 0x5b || first === recordSeparator;
}

/**
 * Parses an event log in JSON: canonical (TCG Canonical Event Log Format 1.0, 7), as an array or as a sequence of
 * records (systemd's `tpm2-measure.log`), or the one of dstack's agent, alone or in its `tcb_info.json`.
 * Throws `malformed` for any other JSON.
 */
export function parseJsonEventLog(bytes: Uint8Array): EventLogFile {
  const items = findRecords(parseDocuments(bytes));
  const [first] = items;
  if (first === undefined) throw malformed('there is no list of events');
  const dstack = isDstackEvent(first);
  const records = items.map((item, index) => (dstack ? dstackRecord(item, index) : celRecord(item, index)));
  return {
    kind: dstack ? 'dstack' : 'cel-json',
    registers: dstack ? 'cc' : 'pcr',
    log: canonicalLog(records),
    paddingBytes: 0,
    damage: undefined,
  };
}

function parseDocuments(bytes: Uint8Array): unknown[] {
  const text = fromUtf8(bytes);
  if (text === undefined) throw malformed('it is not UTF-8');
  try {
    if (text.includes('\x1e'))
      return text.split('\x1e').flatMap((part) => (part.trim() ? JSON.parse(part) : []));
    return [JSON.parse(text)];
  } catch (error) {
    throw malformed(error instanceof Error ? error.message.slice(0, 200) : 'not JSON', error);
  }
}

/** The records themselves, or those in the one member that holds an event log. */
function findRecords(documents: readonly unknown[]): readonly JsonObject[] {
  const [only, ...others] = documents;
  const list: readonly unknown[] = others.length > 0 ? documents : Array.isArray(only) ? only : inside(only);
  if (!list.every(isObject)) throw malformed('a record is no object');
  return list;
}

function inside(document: unknown): readonly unknown[] {
  if (!isObject(document)) return [];
  const { event_log: log } = document;
  if (Array.isArray(log)) return log;
  if (typeof log === 'string') {
    const [inner] = parseDocuments(utf8(log));
    return Array.isArray(inner) ? inner : [];
  }
  return 'digests' in document || isDstackEvent(document) ? [document] : [];
}

function celRecord(item: JsonObject, index: number): CanonicalRecord {
  const { pcr, digests, content_type: contentType, content } = item;
  if (typeof pcr !== 'number' || !Number.isInteger(pcr) || pcr < 0 || pcr > 0xffff_ffff)
    throw malformed(`record ${index} names no PCR`);
  if (!Array.isArray(digests)) throw malformed(`record ${index} has no digests`);
  const common = {
    offset: 0,
    registerIndex: pcr,
    digests: new Map(digests.map((each) => readDigest(each, index))),
    contentType: typeof contentType === 'string' ? contentType : 'unknown',
  };
  const inner = isObject(content) ? content : {};
  const eventType = readEventType(inner['event_type']);
  if (common.contentType !== 'pcclient_std' || eventType === undefined)
    return { ...common, eventType: undefined, data: contentBytes(inner) };
  return { ...common, eventType, data: readData(inner['event_data']) };
}

function readDigest(item: unknown, index: number): [string, Uint8Array] {
  if (!isObject(item) || typeof item['hashAlg'] !== 'string' || typeof item['digest'] !== 'string')
    throw malformed(`record ${index}: a digest is none`);
  const name = item['hashAlg'].toLowerCase();
  const digest = fromHex(item['digest']);
  checkDigestSize(name, digest, 0);
  return [name, digest];
}

function readEventType(value: unknown): number | undefined {
  if (typeof value === 'number') return value >>> 0;
  return typeof value === 'string' && value in eventTypes ? eventTypes[value as EventTypeName] : undefined;
}

/** What systemd measured stands as text in `string`; other contents are shown as they are. */
function contentBytes(content: JsonObject): Uint8Array {
  const { string } = content;
  return utf8(typeof string === 'string' ? string : JSON.stringify(content));
}

function readData(value: unknown): Uint8Array {
  if (typeof value !== 'string') return new Uint8Array(0);
  if (value.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(value)) return fromHex(value);
  return fromBase64(value);
}

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes of base64 (RFC 4648, 4); what is none is kept as text. */
function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return utf8(text);
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    buffer = ((buffer << 6) | base64Digits.indexOf(digit)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (buffer >> bits) & 0xff;
  }
  return bytes;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(problem: string, cause?: unknown): MeasureError {
  return new MeasureError('malformed', `Event log in JSON: ${problem}`, { offset: 0, cause });
}
