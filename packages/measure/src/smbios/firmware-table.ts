import { ascii } from '../bytes/text.ts';
import { concatBytes, Writer } from '../bytes/writer.ts';
import { parseSmbios, SMBIOS_END_OF_TABLE } from './table.ts';

/** What firmware says of itself in structure type 0. */
export interface FirmwareIdentity {
  readonly vendor: string;
  readonly version: string;
  /** `09/26/2026`. */
  readonly releaseDate: string;
}

/**
 * The table that firmware publishes: QEMU's structures, its own type 0 unless QEMU has one, and an end of its own
 * (edk2 OvmfPkg/SmbiosPlatformDxe, MdeModulePkg/Universal/SmbiosDxe).
 */
export function firmwareSmbiosTable(qemuTable: Uint8Array, identity: FirmwareIdentity): Uint8Array {
  const given = parseSmbios(qemuTable).filter(({ type }) => type !== SMBIOS_END_OF_TABLE);
  const own = given.some(({ type }) => type === 0) ? [] : [biosInformation(identity)];
  return concatBytes([...given.map(({ bytes }) => bytes), ...own, endOfTable]);
}

/** Structure type 0 as OVMF fills it (SMBIOS 3.7, 7.1): a virtual machine, UEFI, BIOS characteristics not supported. */
function biosInformation({ vendor, version, releaseDate }: FirmwareIdentity): Uint8Array {
  const formatted = new Writer()
    .u8(0) // type
    .u8(0x1a) // length
    .u16(0) // handle
    .u8(1) // vendor: string 1
    .u8(2) // version: string 2
    .u16(0xe800) // segment
    .u8(3) // release date: string 3
    .u8(0) // ROM size
    .u64(0x08) // characteristics: not supported
    .u8(0)
    .u8(0x1c) // UEFI, virtual machine, targeted content distribution
    .u8(0) // system BIOS release
    .u8(0)
    .u8(0xff) // embedded controller release: none
    .u8(0xff)
    .u16(0); // extended ROM size
  for (const string of [vendor, version, releaseDate]) formatted.bytes(ascii(string)).u8(0);
  return formatted.u8(0).finish();
}

/** Handle 0xfeff: the highest that the specification leaves to firmware (SMBIOS 3.7, 6.1.2). */
const endOfTable = new Writer().u8(SMBIOS_END_OF_TABLE).u8(4).u16(0xfeff).u16(0).finish();
