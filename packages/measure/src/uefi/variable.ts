import { parseGuid } from '../bytes/guid.ts';
import { utf16 } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';

/** GUIDs of the variables that Secure Boot is made of (UEFI 2.11, 3.3 and 32.4.1). */
export const variableGuids = {
  global: '8be4df61-93ca-11d2-aa0d-00e098032b8c',
  imageSecurity: 'd719b2cb-3d3a-4596-a3bc-dad00e67656f',
} as const;

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
