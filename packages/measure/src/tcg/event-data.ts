import { ascii } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';

/** What an EV_EFI_BOOT_SERVICES_APPLICATION event tells of the image. Addresses and sizes in bytes. */
export interface ImageLoad {
  /** Where the image lay in memory when it was measured: a fact of one boot. */
  readonly location: bigint;
  readonly length: number;
  readonly linkTimeAddress: bigint;
  /** EFI_DEVICE_PATH_PROTOCOL nodes with the end node. */
  readonly devicePath: Uint8Array;
}

/** UEFI_IMAGE_LOAD_EVENT (PC Client Platform Firmware Profile 1.06, 10.2.3). */
export function encodeImageLoadEvent(image: ImageLoad): Uint8Array {
  return new Writer()
    .u64(image.location)
    .u64(image.length)
    .u64(image.linkTimeAddress)
    .u64(image.devicePath.length)
    .bytes(image.devicePath)
    .finish();
}

/** TCG_PCClientTaggedEvent (PC Client Platform Firmware Profile 1.06, 10.4.2.1). */
export function encodeTaggedEvent(tag: number, data: Uint8Array): Uint8Array {
  return new Writer().u32(tag).u32(data.length).bytes(data).finish();
}

/** EV_EFI_ACTION strings; neither terminated nor counted (PC Client Platform Firmware Profile 1.06, 10.4.4). */
export const actions = {
  callingApplication: ascii('Calling EFI Application from Boot Option'),
  returningFromApplication: ascii('Returning from EFI Application from Boot Option'),
  exitBootServicesInvocation: ascii('Exit Boot Services Invocation'),
  exitBootServicesSuccess: ascii('Exit Boot Services Returned with Success'),
} as const;

/** What an EV_SEPARATOR measures when all went well: four zero bytes (10.4.1, table 27). */
export const separatorData = new Uint8Array(4);
