import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { digestFor, type EventLogContents } from './event-log.ts';
import { eventTypes } from './event-type.ts';

/**
 * A crypto-agile event log in its binary form (TCG PC Client Platform Firmware Profile 1.06, sections 10.2 and
 * 10.4.5.1): the Spec ID event, then each event with a digest for every algorithm. Throws `not-found` when an
 * event lacks one.
 */
export function encodeEventLog(log: EventLogContents): Uint8Array {
  const writer = new Writer();
  const specId = encodeSpecId(log);
  writer
    .u32(log.headerIndex ?? 0)
    .u32(eventTypes.EV_NO_ACTION)
    .zeros(20)
    .u32(specId.length)
    .bytes(specId);
  for (const event of log.events) {
    writer.u32(event.registerIndex).u32(event.untrustedEventType).u32(log.algorithms.length);
    for (const { id, name } of log.algorithms) writer.u16(id).bytes(digestFor(event, name));
    writer.u32(event.untrustedData.length).bytes(event.untrustedData);
  }
  return writer.finish();
}

function encodeSpecId({ algorithms }: EventLogContents): Uint8Array {
  const writer = new Writer();
  // Platform class 0 is a client; version 2.0 errata 0; a UINTN of 2 x 32 bits.
  writer.bytes(ascii('Spec ID Event03\0')).u32(0).u8(0).u8(2).u8(0).u8(2);
  writer.u32(algorithms.length);
  for (const { id, size } of algorithms) writer.u16(id).u16(size);
  return writer.u8(0).finish();
}
