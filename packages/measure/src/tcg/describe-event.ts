import { MeasureError } from '../error.ts';
import { decodeCanonical } from './decode/canonical.ts';
import { type DecodedData, maxDecodedBytes } from './decode/decoded.ts';
import {
  decodeConfigFlags,
  decodeFirmwareBlob,
  decodeFirmwareBlob2,
  decodeHandoffTables,
  decodeHandoffTables2,
  decodePostCode,
} from './decode/firmware-blob.ts';
import { decodeGptEvent } from './decode/gpt-event.ts';
import { decodeImageLoad } from './decode/image-load.ts';
import { decodeIpl } from './decode/ipl.ts';
import { decodeNoAction } from './decode/no-action.ts';
import { decodeSeparator } from './decode/separator.ts';
import { decodeSpdm } from './decode/spdm.ts';
import { decodeTagged } from './decode/tagged.ts';
import { decodeAction, decodeCrtmVersion, decodeOpaque } from './decode/text.ts';
import { decodeAuthority, decodeVariable } from './decode/variable.ts';
import type { LoggedEvent } from './event-log.ts';
import { type EventTypeName, eventTypeName } from './event-type.ts';

/** How the data of each type is read (PC Client Platform Firmware Profile 1.06, table 27). */
const decoders: Readonly<Record<EventTypeName, (data: Uint8Array) => DecodedData>> = {
  EV_PREBOOT_CERT: decodeOpaque('certificate'),
  EV_POST_CODE: decodePostCode,
  EV_UNUSED: decodeOpaque('unused event'),
  EV_NO_ACTION: decodeNoAction,
  EV_SEPARATOR: decodeSeparator,
  EV_ACTION: decodeAction,
  EV_EVENT_TAG: decodeTagged,
  EV_S_CRTM_CONTENTS: decodeOpaque('CRTM contents'),
  EV_S_CRTM_VERSION: decodeCrtmVersion,
  EV_CPU_MICROCODE: decodeOpaque('CPU microcode'),
  EV_PLATFORM_CONFIG_FLAGS: decodeConfigFlags,
  EV_TABLE_OF_DEVICES: decodeOpaque('table of devices'),
  EV_COMPACT_HASH: decodeOpaque('compact hash'),
  EV_IPL: decodeIpl,
  EV_IPL_PARTITION_DATA: decodeOpaque('partition data'),
  EV_NONHOST_CODE: decodeOpaque('code of another processor'),
  EV_NONHOST_CONFIG: decodeOpaque('configuration of another processor'),
  EV_NONHOST_INFO: decodeOpaque('another processor'),
  EV_OMIT_BOOT_DEVICE_EVENTS: decodeAction,
  EV_POST_CODE2: decodeFirmwareBlob2,
  EV_EFI_EVENT_BASE: decodeOpaque('event'),
  EV_EFI_VARIABLE_DRIVER_CONFIG: decodeVariable,
  EV_EFI_VARIABLE_BOOT: decodeVariable,
  EV_EFI_BOOT_SERVICES_APPLICATION: decodeImageLoad('application'),
  EV_EFI_BOOT_SERVICES_DRIVER: decodeImageLoad('driver'),
  EV_EFI_RUNTIME_SERVICES_DRIVER: decodeImageLoad('runtime driver'),
  EV_EFI_GPT_EVENT: decodeGptEvent,
  EV_EFI_ACTION: decodeAction,
  EV_EFI_PLATFORM_FIRMWARE_BLOB: decodeFirmwareBlob,
  EV_EFI_HANDOFF_TABLES: decodeHandoffTables,
  EV_EFI_PLATFORM_FIRMWARE_BLOB2: decodeFirmwareBlob2,
  EV_EFI_HANDOFF_TABLES2: decodeHandoffTables2,
  EV_EFI_VARIABLE_BOOT2: decodeVariable,
  EV_EFI_GPT_EVENT2: decodeGptEvent,
  EV_EFI_HCRTM_EVENT: decodeOpaque('hardware CRTM'),
  EV_EFI_VARIABLE_AUTHORITY: decodeAuthority,
  EV_EFI_SPDM_FIRMWARE_BLOB: decodeSpdm('firmware'),
  EV_EFI_SPDM_FIRMWARE_CONFIG: decodeSpdm('configuration'),
  EV_EFI_SPDM_DEVICE_POLICY: decodeVariable,
  EV_EFI_SPDM_DEVICE_AUTHORITY: decodeAuthority,
};

/** What identifies an event to the eye: its type and data, which nothing proves. */
export type DescribableEvent = Pick<
  LoggedEvent,
  'untrustedEventType' | 'untrustedData' | 'untrustedContentType'
>;

/**
 * What an event says, in words. Data that is not what its type promises, and types that nobody knows, are shown as
 * opaque bytes; nothing throws.
 */
export function describeEvent(event: DescribableEvent): DecodedData {
  const { untrustedEventType, untrustedData, untrustedContentType } = event;
  if (untrustedData.length > maxDecodedBytes)
    return decodeOpaque('data that is too long to decode,')(untrustedData);
  if (untrustedContentType !== undefined) return decodeCanonical(untrustedContentType, untrustedData);
  const name = eventTypeName(untrustedEventType);
  const decode = isKnown(name) ? decoders[name] : decodeOpaque('event of unknown type,');
  try {
    return decode(untrustedData);
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    return decodeOpaque('data of another form,')(untrustedData);
  }
}

/** The type's name as a reader should see it: of a canonical log's own events what their writer calls them. */
export function shownEventType({ untrustedEventType, untrustedContentType }: DescribableEvent): string {
  return untrustedContentType ?? eventTypeName(untrustedEventType);
}

function isKnown(name: string): name is EventTypeName {
  return Object.hasOwn(decoders, name);
}
