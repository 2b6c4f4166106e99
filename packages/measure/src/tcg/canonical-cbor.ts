import { decodeFirst } from 'cborg';
import { fromHex } from '../bytes/hex.ts';
import { MeasureError } from '../error.ts';
import { type CanonicalRecord, canonicalLog, contentTypes, digestName } from './canonical-record.ts';
import type { EventLogFile } from './log-file.ts';

/** A record, or the array of all of them: CBOR's major types 5 and 4 (RFC 8949, 3.1). As a PCR they would be 128 and more. */
export function looksLikeCelCbor(bytes: Uint8Array): boolean {
  const major = (bytes[0] ?? 0) >> 5;
  return major === 4 || major === 5;
}

/**
 * Parses a canonical event log in CBOR (TCG Canonical Event Log Format 1.0, 6): a sequence of records or an array of
 * them, with the keys of the TLV encoding as integers or their names. Throws `malformed` for anything else.
 */
export function parseCelCbor(bytes: Uint8Array): EventLogFile {
  const records = decodeSequence(bytes).flatMap((item): CanonicalRecord[] =>
    Array.isArray(item) ? item.map((each, index) => toRecord(each, index)) : [toRecord(item, 0)],
  );
  if (records.length === 0) throw malformed('there are no records');
  return {
    kind: 'cel-cbor',
    registers: 'pcr',
    log: canonicalLog(records),
    paddingBytes: 0,
    damage: undefined,
  };
}

function decodeSequence(bytes: Uint8Array): unknown[] {
  const items: unknown[] = [];
  let rest = bytes;
  try {
    while (rest.length > 0) {
      const [item, after] = decodeFirst(rest, { useMaps: true, allowUndefined: false });
      items.push(item);
      rest = Uint8Array.from(after);
    }
  } catch (error) {
    // Whatever the decoder makes of hostile bytes, the stack's end included: they are no log.
    throw malformed(error instanceof Error ? error.message.slice(0, 200) : 'not CBOR', error);
  }
  return items;
}

function toRecord(item: unknown, index: number): CanonicalRecord {
  if (!(item instanceof Map)) throw malformed(`record ${index} is no map`);
  const field = (key: number, name: string): unknown => item.get(key) ?? item.get(name);
  const content = [...contentTypes].find(([key, name]) => item.has(key) || item.has(name));
  const [key, contentType] = content ?? [-1, String(item.get('content_type') ?? 'unknown')];
  const value: unknown = item.get(key) ?? item.get(contentType) ?? item.get('content');
  const registerIndex = field(1, 'pcr');
  if (typeof registerIndex !== 'number' || !(registerIndex >= 0))
    throw malformed(`record ${index} names no PCR`);
  const common = { offset: 0, registerIndex, digests: readDigests(field(3, 'digests'), index), contentType };
  if (contentType !== 'pcclient_std')
    return { ...common, eventType: undefined, data: value instanceof Uint8Array ? value : new Uint8Array(0) };
  if (!(value instanceof Map)) throw malformed(`record ${index}: its contents are no map`);
  const eventType: unknown = value.get(0) ?? value.get('event_type');
  const data: unknown = value.get(1) ?? value.get('event_data');
  if (typeof eventType !== 'number' || !(data instanceof Uint8Array))
    throw malformed(`record ${index}: there is no event type with data`);
  return { ...common, eventType: eventType >>> 0, data };
}

/** An array of [algorithm, digest] pairs or of maps with these two, or one map of algorithm → digest. */
function readDigests(value: unknown, index: number): Map<string, Uint8Array> {
  const pairs = value instanceof Map ? [...value] : Array.isArray(value) ? value.map(toPair) : [];
  return new Map(
    pairs.map(([algorithm, digest]) => {
      const bytes = typeof digest === 'string' ? fromHex(digest) : digest;
      if (typeof algorithm !== 'number' || !(bytes instanceof Uint8Array))
        throw malformed(`record ${index}: its digests are none`);
      return [digestName(algorithm, bytes, 0), bytes];
    }),
  );
}

function toPair(item: unknown): [unknown, unknown] {
  if (Array.isArray(item)) return [item[0], item[1]];
  if (!(item instanceof Map)) return [undefined, undefined];
  return [item.get(0) ?? item.get('hashAlg'), item.get(1) ?? item.get('digest')];
}

function malformed(problem: string, cause?: unknown): MeasureError {
  return new MeasureError('malformed', `CEL in CBOR: ${problem}`, { offset: 0, cause });
}
