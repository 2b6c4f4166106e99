import { formatGuid } from '../../bytes/guid.ts';
import { hexNumber } from '../../bytes/hex.ts';
import { Reader } from '../../bytes/reader.ts';
import { showAscii } from '../../bytes/text.ts';
import { type DecodedData, decoded } from './decoded.ts';
import { nameGuid } from './guid-names.ts';

/** EV_EFI_PLATFORM_FIRMWARE_BLOB: UEFI_PLATFORM_FIRMWARE_BLOB (PC Client Platform Firmware Profile 1.06, 10.2.3). */
export function decodeFirmwareBlob(data: Uint8Array): DecodedData {
  const reader = new Reader(data, 'UEFI_PLATFORM_FIRMWARE_BLOB');
  const base = hexNumber(reader.u64('BlobBase'));
  const length = hexNumber(reader.u64('BlobLength'));
  return decoded(`firmware volume of ${length} bytes at ${base}`, `firmware volume at ${base}`);
}

/** EV_EFI_PLATFORM_FIRMWARE_BLOB2: the same with a description before it (10.2.4). */
export function decodeFirmwareBlob2(data: Uint8Array): DecodedData {
  const reader = new Reader(data, 'UEFI_PLATFORM_FIRMWARE_BLOB2');
  const name = showAscii(reader.bytes(reader.u8('BlobDescriptionSize'), 'BlobDescription'));
  const base = hexNumber(reader.u64('BlobBase'));
  const length = hexNumber(reader.u64('BlobLength'));
  return decoded(`firmware volume "${name}" of ${length} bytes at ${base}`, `firmware volume ${name}`);
}

/** EV_POST_CODE holds a name (`ACPI DATA`), or where a blob lies (10.4.1, table 27). */
export function decodePostCode(data: Uint8Array): DecodedData {
  const text = showAscii(data);
  if (/^[\x20-\x7e]{3,}$/.test(text) && !text.includes('\\x'))
    return decoded(`"${text}"`, `post code ${text}`);
  return decodeFirmwareBlob(data);
}

/** EV_EFI_HANDOFF_TABLES: UEFI_HANDOFF_TABLE_POINTERS (10.2.4). */
export function decodeHandoffTables(data: Uint8Array): DecodedData {
  return decoded(
    ...tables(new Reader(data, 'UEFI_HANDOFF_TABLE_POINTERS'), 'tables that firmware hands over'),
  );
}

/** EV_EFI_HANDOFF_TABLES2: the same with a description before it (10.2.5). */
export function decodeHandoffTables2(data: Uint8Array): DecodedData {
  const reader = new Reader(data, 'UEFI_HANDOFF_TABLE_POINTERS2');
  const name = showAscii(reader.bytes(reader.u8('TableDescriptionSize'), 'TableDescription'));
  return decoded(...tables(reader, `tables "${name}" that firmware hands over`));
}

function tables(reader: Reader, what: string): [string, string, string[]] {
  const count = reader.length64('NumberOfTables');
  if (count > reader.remaining / 24)
    throw reader.error('malformed', 'NumberOfTables', `${count} tables do not fit`);
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const guid = formatGuid(reader.bytes(16, 'VendorGuid'));
    lines.push(`${nameGuid(guid)} at ${hexNumber(reader.u64('VendorTable'))}`);
  }
  return [`${what}: ${lines.length > 0 ? lines.join(', ') : 'none'}`, what, []];
}

/** EV_PLATFORM_CONFIG_FLAGS as edk2 writes it: `QEMU FW CFG` and a file, `ACPI DATA`, `SMBIOS`. */
export function decodeConfigFlags(data: Uint8Array): DecodedData {
  const name = showAscii(data);
  if (name === 'QEMU FW CFG') {
    const file = showAscii(data.subarray(name.length + 1));
    return decoded(`file "${file}" of fw_cfg`, `fw_cfg ${file}`);
  }
  return decoded(name === '' ? `${data.length} bytes` : `"${name}"`, `configuration ${name}`);
}
