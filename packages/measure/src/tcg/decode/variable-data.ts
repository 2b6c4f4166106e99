import { formatGuid } from '../../bytes/guid.ts';
import { Reader } from '../../bytes/reader.ts';
import { fromUtf16 } from '../../bytes/text.ts';

/** UEFI_VARIABLE_DATA, taken apart. */
export interface VariableEvent {
  readonly guid: string;
  readonly name: string;
  readonly contents: Uint8Array;
  /** Bytes behind the structure, which no specification has. */
  readonly rest: Uint8Array;
}

/**
 * UEFI_VARIABLE_DATA of an event as it was logged (PC Client Platform Firmware Profile 1.06, 10.2.6): unlike `parseVariableData`,
 * it takes bytes behind the structure, as old shims log one. Throws `truncated` or `malformed`.
 */
export function readVariableEvent(bytes: Uint8Array): VariableEvent {
  const reader = new Reader(bytes, 'UEFI_VARIABLE_DATA');
  const guid = formatGuid(reader.bytes(16, 'VariableName'));
  const nameUnits = reader.length64('UnicodeNameLength');
  const length = reader.length64('VariableDataLength');
  const name = fromUtf16(reader.bytes(nameUnits * 2, 'UnicodeName'));
  return { guid, name, contents: reader.bytes(length, 'VariableData'), rest: reader.rest() };
}
