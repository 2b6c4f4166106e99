import { fromHex } from '../bytes/hex.ts';
import { ascii, utf8 } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { type CanonicalRecord, checkDigestSize } from './canonical-record.ts';

/** The type of events that dstack's agent measures into RTMR3 (dstack cc-eventlog, `DSTACK_RUNTIME_EVENT_TYPE`). */
const runtimeEvent = 0x0800_0001;

/** Whether an object is an event as dstack's agent writes it. */
export function isDstackEvent(item: object): boolean {
  return 'imr' in item && 'event_type' in item && 'digest' in item;
}

/**
 * An event of dstack's log. Of a runtime event the data are the bytes that are hashed: type, name and payload with
 * colons between. Throws `malformed`.
 */
export function dstackRecord(item: Readonly<Record<string, unknown>>, index: number): CanonicalRecord {
  const { imr, event_type: type, digest, event, event_payload: payload } = item;
  if (
    typeof imr !== 'number' ||
    !(imr >= 0 && imr <= 3) ||
    typeof type !== 'number' ||
    typeof digest !== 'string'
  )
    throw new MeasureError('malformed', `dstack event ${index}: imr, event_type or digest is not there`);
  const value = fromHex(digest);
  checkDigestSize('sha384', value, 0);
  const bytes = typeof payload === 'string' ? fromHex(payload) : new Uint8Array(0);
  const common = { offset: 0, registerIndex: imr + 1, digests: new Map([['sha384', value]]) };
  if (type !== runtimeEvent)
    return { ...common, contentType: 'pcclient_std', eventType: type >>> 0, data: bytes };
  const name = utf8(typeof event === 'string' ? event : '');
  const data = new Writer()
    .u32(runtimeEvent)
    .bytes(ascii(':'))
    .bytes(name)
    .bytes(ascii(':'))
    .bytes(bytes)
    .finish();
  return { ...common, contentType: 'dstack', eventType: undefined, data };
}
