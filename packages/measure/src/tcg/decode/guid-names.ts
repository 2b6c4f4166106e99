import { variableGuids } from '../../uefi/variable.ts';

/** GUIDs that stand in event logs, with the name that specifications or edk2 give them. */
const names: Readonly<Record<string, string>> = {
  // UEFI 2.11, 3.3 and 32.6.1
  [variableGuids.global]: 'EFI_GLOBAL_VARIABLE',
  [variableGuids.imageSecurity]: 'EFI_IMAGE_SECURITY_DATABASE',
  // shim lib/guid.c
  '605dab50-e046-4300-abb6-3dd810dd8b23': 'SHIM_LOCK',
  '77fa9abd-0359-4d32-bd60-28f4e78f784b': 'Microsoft',
  // UEFI 2.11, table 5.8; UAPI.2 Discoverable Partitions Specification
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'EFI system partition',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'Linux file system',
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'Linux root (x86-64)',
  '2c7357ed-ebd2-46d9-aec1-23d437ec2bf5': 'Linux root verity (x86-64)',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'Linux extended boot',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'Linux swap',
  'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7': 'Microsoft basic data',
  'e3c9e316-0b5c-4db8-817d-f92df00215ae': 'Microsoft reserved',
  'de94bba4-06d1-4d40-a16a-bfd50179d6ac': 'Windows recovery',
  '21686148-6449-6e6f-744e-656564454649': 'BIOS boot partition',
  'fe3a2a5d-4f32-41a7-b725-accc3285a309': 'ChromeOS kernel',
  '3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec': 'ChromeOS root',
  '2e0a753d-9e48-43b0-8337-b15192cb1b5e': 'ChromeOS reserved',
  'cab6e88e-abf3-4102-a07a-d4bb9be3c1d3': 'ChromeOS firmware',
  // edk2 MdeModulePkg and OvmfPkg, GUIDs of applications and volumes
  '462caa21-7614-4503-836e-8ab6f4662331': 'UiApp',
  'eec25bdc-67f2-4d95-b1d5-f81b2039d11d': 'BootManagerMenuApp',
  '7c04a583-9e3e-4f1c-ad65-e05268d0b4d1': 'Shell',
  '7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1': 'DXEFV',
  // systemd src/boot/linux.c
  '55c5d1f8-04cd-46b5-8a20-e56cbb3052d0': 'systemd-stub payload',
  // edk2 OvmfPkg QemuKernelLoaderFsDxe
  '1428f772-b64a-441e-b8c3-9ebdd7f893c7': 'QEMU -kernel',
  // UEFI 2.11, table 4.5 and edk2 MdePkg: configuration tables
  '8868e871-e4f1-11d3-bc22-0080c73c8881': 'ACPI 2.0',
  'eb9d2d30-2d88-11d3-9a16-0090273fc14d': 'ACPI 1.0',
  'eb9d2d31-2d88-11d3-9a16-0090273fc14d': 'SMBIOS',
  'f2fd1544-9794-4a2c-992e-e5bbcf20e394': 'SMBIOS 3',
};

/** A GUID's name with the GUID, or the GUID alone. */
export function nameGuid(guid: string): string {
  const name = guidName(guid);
  return name === undefined ? guid : `${name} (${guid})`;
}

/** The name alone, where there is one. */
export function guidName(guid: string): string | undefined {
  return Object.hasOwn(names, guid) ? names[guid] : undefined;
}
