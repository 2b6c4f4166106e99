import { formatGuid, parseGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { fromUtf16, utf16 } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';

/** GUIDs of the variables that Secure Boot is made of (UEFI 2.11, 3.3 and 32.4.1; edk2 MdeModulePkg and shim). */
export const variableGuids = {
  global: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
  imageSecurity: 'd719b2cb-3d3a-4596-a3bc-dad00e67656f',
  /** edk2's own switch beside the keys (gEfiSecureBootEnableDisableGuid). */
  secureBootEnable: 'f0a30bc7-af08-4556-99c4-001009c93a44',
  /** shim's variables (SHIM_LOCK_GUID). */
  shim: '605dab50-e046-4300-abb6-3dd810dd8b23',
} as const;

/** A variable as an event holds it. */
export interface VariableData {
  readonly guid: string;
  readonly name: string;
  readonly data: Uint8Array;
}

/** UEFI_VARIABLE_DATA (PC Client Platform Firmware Profile 1.06, 10.2.6): the name is not terminated. */
export function encodeVariableData(guid: string, name: string, data: Uint8Array): Uint8Array {
  return new Writer()
    .bytes(parseGuid(guid))
    .u64(name.length)
    .u64(data.length)
    .bytes(utf16(name))
    .bytes(data)
    .finish();
}

/**
 * Reads the UEFI_VARIABLE_DATA of an event; the inverse of `encodeVariableData`.
 * Throws `truncated`, `trailing` or `malformed` when its lengths are not those of its bytes.
 */
export function parseVariableData(bytes: Uint8Array): VariableData {
  const reader = new Reader(bytes, 'UEFI_VARIABLE_DATA');
  const guid = formatGuid(reader.bytes(16, 'VariableName'));
  const nameLength = reader.length64('UnicodeNameLength');
  const dataLength = reader.length64('VariableDataLength');
  const name = fromUtf16(reader.bytes(2 * nameLength, 'UnicodeName'));
  const data = reader.bytes(dataLength, 'VariableData');
  reader.end();
  return { guid, name, data };
}
