import { createHash } from 'node:crypto';
import { ascii } from '../../src/bytes/text.ts';
import { Writer } from '../../src/bytes/writer.ts';
import { type EventTypeName, encodeEventLog, eventTypes } from '../../src/index.ts';
import { encodeImageLoadEvent } from '../../src/tcg/event-data.ts';
import { encodeVariableData, variableGuids } from '../../src/uefi/variable.ts';

/** An event of a made-up log; its digests are of `measured`, or of its data. */
export interface MadeEvent {
  readonly pcr: number;
  readonly type: EventTypeName | number;
  readonly data: Uint8Array;
  readonly measured?: Uint8Array;
}

const algorithms = [
  { id: 0x0b, name: 'sha256', size: 32 },
  { id: 0x0c, name: 'sha384', size: 48 },
] as const;

/** A TCG2 log with the banks sha256 and sha384. */
export function makeLog(events: readonly MadeEvent[]): Uint8Array {
  return encodeEventLog({
    algorithms,
    events: events.map(({ pcr, type, data, measured = data }) => ({
      registerIndex: pcr,
      untrustedEventType: typeof type === 'number' ? type : eventTypes[type],
      digests: new Map(
        algorithms.map(({ name }) => [name, new Uint8Array(createHash(name).update(measured).digest())]),
      ),
      untrustedData: data,
    })),
  });
}

export const separator = (pcr: number, value = 0): MadeEvent => ({
  pcr,
  type: 'EV_SEPARATOR',
  data: Uint8Array.of(value, 0, 0, 0),
});
export const action = (pcr: number, text: string): MadeEvent => ({
  pcr,
  type: 'EV_EFI_ACTION',
  data: ascii(text),
});

const node = (type: number, subType: number, data: Uint8Array) =>
  new Writer()
    .u8(type)
    .u8(subType)
    .u16(4 + data.length)
    .bytes(data)
    .finish();
const end = node(0x7f, 0xff, new Uint8Array(0));
/** Device paths: of a file on a disk, of a file in a firmware volume, and none. */
export const paths = {
  disk: new Writer()
    .bytes(node(4, 4, ascii('x')))
    .bytes(end)
    .finish(),
  firmware: new Writer()
    .bytes(node(4, 6, new Uint8Array(16)))
    .bytes(end)
    .finish(),
  none: new Uint8Array(0),
};

export const application = (pcr: number, name: string, devicePath: Uint8Array = paths.disk): MadeEvent => ({
  pcr,
  type: 'EV_EFI_BOOT_SERVICES_APPLICATION',
  data: encodeImageLoadEvent({ location: 0n, length: 1, linkTimeAddress: 0n, devicePath }),
  measured: ascii(name),
});
export const variable = (name: string, data: Uint8Array): MadeEvent => ({
  pcr: 7,
  type: 'EV_EFI_VARIABLE_DRIVER_CONFIG',
  data: encodeVariableData(
    name.startsWith('d') ? variableGuids.imageSecurity : variableGuids.global,
    name,
    data,
  ),
});
export const authority = (encoded: Uint8Array): MadeEvent => ({
  pcr: 7,
  type: 'EV_EFI_VARIABLE_AUTHORITY',
  data: encodeVariableData(variableGuids.imageSecurity, 'db', encoded),
});
