import { utf16z } from '../bytes/text.ts';
import { parseSmbios, type SmbiosStructure } from '../smbios/table.ts';
import { encodeTaggedEvent } from '../tcg/event-data.ts';
import { readStubVersion } from '../uki/stub.ts';
import { type Known, type PredictionContext, pcrEvent } from './context.ts';
import type { PredictedEvent } from './prediction.ts';

/**
 * Last version that measures no SMBIOS structures, and first that does. Version 257 and 262 were compared with boots.
 * The change was made for 261 (systemd pull request 42233); 261 itself was not looked at.
 */
const LAST_WITHOUT = 260;
const LAST_TRIED_WITHOUT = 257;
const FIRST_WITH = 262;

/** Structures by type, in the order in which the stub measures them (systemd src/boot/measure.c). */
const measured: readonly { readonly type: number; readonly tag: number }[] = [
  { type: 1, tag: 0xd5cb7cbc },
  { type: 2, tag: 0xe0d47bc8 },
  { type: 11, tag: 0xc0b3bd23 },
];
const SYSTEM_INFORMATION = 1;
/** Offset of type 1's wake-up type (SMBIOS 3.7, 7.2), which differs between a cold and a warm start. */
const WAKE_UP_TYPE = 0x18;

/** Whether this major version of the stub measures SMBIOS structures; `undefined` where that is not known. */
export function stubMeasuresSmbios(major: number): boolean | undefined {
  if (major <= LAST_WITHOUT) return false;
  return major >= FIRST_WITH ? true : undefined;
}

/** The tags under which it does. */
export const stubSmbiosTags: readonly number[] = measured.map(({ tag }) => tag);

/** What the stub adds, and the version where it was only read in source that it adds nothing. */
export interface StubSmbios {
  readonly events: readonly PredictedEvent[];
  readonly untried: string | undefined;
}

/** What the stub adds to PCR 1: SMBIOS structures whole, with serial number, UUID and OEM strings. */
export function stubSmbiosEvents(context: PredictionContext, table: Uint8Array): Known<StubSmbios> {
  const { major } = readStubVersion(context.uki, context.pe);
  if (major <= LAST_WITHOUT) {
    const untried = major > LAST_TRIED_WITHOUT ? `systemd-stub ${major}` : undefined;
    return { value: { events: [], untried } };
  }
  if (major < FIRST_WITH) {
    return { unknown: `Whether systemd-stub ${major} measures SMBIOS structures is not known` };
  }
  const structures = parseSmbios(table);
  const events = measured.flatMap(({ type, tag }) => {
    const structure = structures.find((each) => each.type === type);
    return structure ? [stubEvent(context, structure, tag)] : [];
  });
  return { value: { events, untried: undefined } };
}

function stubEvent(context: PredictionContext, structure: SmbiosStructure, tag: number): PredictedEvent {
  const bytes = Uint8Array.from(structure.bytes);
  if (structure.type === SYSTEM_INFORMATION) bytes.fill(0, WAKE_UP_TYPE, WAKE_UP_TYPE + 1);
  return pcrEvent(context, 1, {
    stage: 'kernel',
    eventType: 'EV_EVENT_TAG',
    measured: [bytes],
    data: encodeTaggedEvent(tag, utf16z(`smbios:type${structure.type}`)),
    source: { kind: 'fw_cfg', file: 'etc/smbios/smbios-tables', length: bytes.length },
    clause: 'systemd 262 src/boot/measure.c',
    dependsOn: ['smbios', 'stub', 'vmm'],
    description: `SMBIOS structure of type ${structure.type}, whole, by the stub`,
  });
}
