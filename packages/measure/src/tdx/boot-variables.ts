import { parseGuid } from '../bytes/guid.ts';
import { utf16z } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import type { OvmfTraits } from './ovmf.ts';

/** A boot option that firmware makes by itself. */
export interface BuiltinOption {
  readonly number: number;
  /** EFI_LOAD_OPTION. */
  readonly data: Uint8Array;
}

/** OvmfPkg's volume of drivers and applications (FvNameGuid in OvmfPkg*.fdf). */
const dxeVolume = parseGuid('7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1');

/** Applications, by release; the attributes are LOAD_OPTION_ACTIVE 1, HIDDEN 8, CATEGORY_APP 0x100. */
const builtins = {
  'ui-app': [{ description: 'UiApp', attributes: 0x109, file: '462caa21-7614-4503-836e-8ab6f4662331' }],
  'boot-manager-menu': [
    { description: 'BootManagerMenuApp', attributes: 0x109, file: 'eec25bdc-67f2-4d95-b1d5-f81b2039d11d' },
    { description: 'EFI Firmware Setup', attributes: 0x101, file: '462caa21-7614-4503-836e-8ab6f4662331' },
  ],
} as const satisfies Readonly<Record<OvmfTraits['builtinOptions'], readonly unknown[]>>;

/**
 * The options of a TD without a disk: those that OVMF registers before it looks for devices (OvmfPkg
 * PlatformBootManagerLib `PlatformRegisterOptionsAndKeys`, MdeModulePkg UefiBootManagerLib).
 */
export function builtinOptions(kind: OvmfTraits['builtinOptions']): BuiltinOption[] {
  return builtins[kind].map(({ description, attributes, file }, number) => ({
    number,
    data: encodeFvOption(description, attributes, file),
  }));
}

/** BootOrder's data. */
export function encodeBootOrder(numbers: readonly number[]): Uint8Array {
  const writer = new Writer();
  for (const number of numbers) writer.u16(number);
  return writer.finish();
}

/** EFI_LOAD_OPTION of an application in the volume: Fv(…)/FvFile(…) (UEFI 2.11, 3.1.3; PI 1.8, volume 3, 8.3). */
function encodeFvOption(description: string, attributes: number, file: string): Uint8Array {
  const path = new Writer()
    .u8(4)
    .u8(7)
    .u16(20)
    .bytes(dxeVolume)
    .u8(4)
    .u8(6)
    .u16(20)
    .bytes(parseGuid(file))
    .u8(0x7f)
    .u8(0xff)
    .u16(4)
    .finish();
  return new Writer().u32(attributes).u16(path.length).bytes(utf16z(description)).bytes(path).finish();
}
