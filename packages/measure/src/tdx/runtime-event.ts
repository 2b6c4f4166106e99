import { ascii, utf8 } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { defaultHasher, type Hasher, hash } from '../hash.ts';

/** DSTACK_RUNTIME_EVENT_TYPE: the type of the events with which dstack extends RTMR 3. */
const dstackEventType = 0x0800_0001;

/** The digest with which dstack extends RTMR 3 for an event: type, name and payload with colons between them. */
export function dstackEventDigest(
  name: string,
  payload: Uint8Array,
  hasher: Hasher = defaultHasher,
  type = dstackEventType,
): Uint8Array {
  const colon = ascii(':');
  const bytes = new Writer().u32(type).bytes(colon).bytes(utf8(name)).bytes(colon).bytes(payload).finish();
  return hash(hasher, 'sha384', bytes);
}
