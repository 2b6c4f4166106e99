import { equalBytes } from '../bytes/compare.ts';
import { formatGuid, parseGuid } from '../bytes/guid.ts';
import { Reader } from '../bytes/reader.ts';
import { ascii, fromUtf16, utf16z } from '../bytes/text.ts';
import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';

/** A record of a variable store. */
export interface StoredVariable {
  readonly guid: string;
  readonly name: string;
  /** EFI_VARIABLE_* bits. */
  readonly attributes: number;
  /** As flash memory has it: bits are cleared as the record goes through its life. */
  readonly state: number;
  readonly data: Uint8Array;
  /** Offset of the record in the file. */
  readonly offset: number;
}

/** A variable store of edk2's (`OVMF_VARS_4M.fd`). Offsets in the file. */
export interface VariableStore {
  /** Whether the records have the header of authenticated variables; OVMF's have. */
  readonly authenticated: boolean;
  /** Every record in the order in which it stands, deleted ones too. */
  readonly records: readonly StoredVariable[];
  /** Where the next record would be written. */
  readonly freeOffset: number;
  /** End of the store. */
  readonly endOffset: number;
}

/** EFI_SYSTEM_NV_DATA_FV_GUID (edk2 MdeModulePkg/Include/Guid/SystemNvDataGuid.h). */
const nvDataGuid = parseGuid('fff12b8d-7696-4c8b-a985-2747075b4f50');

/** Signatures of the store, by the form of its records (edk2 MdeModulePkg/Include/Guid/VariableFormat.h). */
const storeSignatures: Readonly<Record<string, { readonly authenticated: boolean }>> = {
  'aaf32c78-947b-439a-a180-2e144ec37792': { authenticated: true },
  'ddcf3616-3275-4164-98b6-fe85707ffe7d': { authenticated: false },
};

// edk2 MdeModulePkg/Include/Guid/VariableFormat.h.
const recordStart = 0x55aa;
const storeFormatted = 0x5a;
const storeHealthy = 0xfe;
/** VAR_ADDED: the record is whole and counts. */
const added = 0x3f;
/** VAR_ADDED and VAR_IN_DELETED_TRANSITION: counts only where its successor was not finished. */
const inDeletedTransition = 0x3e;
const recordAlignment = 4;
const unwritten = 0xffff_ffff;

/**
 * Reads the variable store at the start of a firmware volume of variables (PI 1.8, volume 3, 3.2.1; edk2
 * MdeModulePkg/Include/Guid/VariableFormat.h). What comes after it in the volume, the area of interrupted writes,
 * is not looked at. A record that reaches past the store ends the list, as it does for firmware.
 *
 * Throws `truncated`, `malformed` or `unsupported` when the headers are not those of such a store.
 */
export function parseVariableStore(bytes: Uint8Array): VariableStore {
  const { reader, authenticated } = readHeaders(bytes);
  const records: StoredVariable[] = [];
  const endOffset = reader.offset + reader.remaining;
  let freeOffset = reader.offset;
  for (;;) {
    const record = readRecord(reader, authenticated);
    if (record === 'end') break;
    if (record !== 'unwritten') records.push(record);
    freeOffset = Math.min(endOffset, align(reader.offset));
    if (freeOffset - reader.offset > reader.remaining) break;
    reader.skip(freeOffset - reader.offset, 'padding');
  }
  return { authenticated, records, freeOffset, endOffset };
}

/**
 * The variable as firmware finds it: the first record that counts, otherwise the last one that was being replaced
 * (edk2 MdeModulePkg/Universal/Variable/RuntimeDxe/VariableParsing.c `FindVariableEx`).
 */
export function findVariable(store: VariableStore, guid: string, name: string): StoredVariable | undefined {
  const same = store.records.filter((record) => record.guid === guid && record.name === name);
  return (
    same.find(({ state }) => state === added) ?? same.findLast(({ state }) => state === inDeletedTransition)
  );
}

/** A variable to be written: with `attributes` as SetVariable() takes them. */
export type NewVariable = Pick<StoredVariable, 'guid' | 'name' | 'attributes' | 'data'>;

/**
 * The store's bytes with more variables behind those it holds, in the order given. Timestamps and counters are
 * zero. Throws `malformed` when they do not fit, and `unsupported` for records without the authenticated header.
 */
export function addVariables(bytes: Uint8Array, variables: readonly NewVariable[]): Uint8Array {
  const store = parseVariableStore(bytes);
  if (!store.authenticated)
    throw new MeasureError('unsupported', 'The variable store has no records with authentication');
  const records = new Writer();
  for (const { guid, name, attributes, data } of variables) {
    const encodedName = utf16z(name);
    // AUTHENTICATED_VARIABLE_HEADER: monotonic count, time stamp and key index are zero.
    records.u16(recordStart).u8(added).u8(0).u32(attributes).zeros(8).zeros(16).u32(0);
    records.u32(encodedName.length).u32(data.length).bytes(parseGuid(guid)).bytes(encodedName).bytes(data);
    while (records.length % recordAlignment !== 0) records.u8(0xff);
  }
  const written = records.finish();
  if (store.freeOffset + written.length > store.endOffset) {
    throw new MeasureError(
      'malformed',
      `The variables need ${written.length} bytes, and the store has ${store.endOffset - store.freeOffset} left`,
      { offset: store.freeOffset },
    );
  }
  const result = Uint8Array.from(bytes);
  result.set(written, store.freeOffset);
  return result;
}

/** EFI_FIRMWARE_VOLUME_HEADER and VARIABLE_STORE_HEADER; the reader stands at the first record and ends with the store. */
function readHeaders(bytes: Uint8Array): { reader: Reader; authenticated: boolean } {
  const volume = new Reader(bytes, 'EFI_FIRMWARE_VOLUME_HEADER');
  volume.skip(16, 'ZeroVector');
  if (!equalBytes(volume.bytes(16, 'FileSystemGuid'), nvDataGuid))
    throw volume.error('malformed', 'FileSystemGuid', 'the volume does not hold variables', 16);
  const volumeLength = volume.length64('FvLength');
  if (!equalBytes(volume.bytes(4, 'Signature'), ascii('_FVH')))
    throw volume.error('malformed', 'Signature', 'not "_FVH"', 40);
  volume.skip(4, 'Attributes');
  const headerLength = volume.u16('HeaderLength');
  if (volumeLength > bytes.length)
    throw volume.error('truncated', 'FvLength', `${volumeLength} bytes, the file has ${bytes.length}`, 32);
  if (headerLength < 56 || headerLength > volumeLength)
    throw volume.error('malformed', 'HeaderLength', `${headerLength} is no possible length`, 48);

  const header = new Reader(
    bytes.subarray(headerLength, volumeLength),
    'VARIABLE_STORE_HEADER',
    headerLength,
  );
  const form = storeSignatures[formatGuid(header.bytes(16, 'Signature'))];
  if (!form) throw header.error('unsupported', 'Signature', 'no known form of variable store', headerLength);
  const size = header.u32('Size');
  if (size < 28 || size > volumeLength - headerLength)
    throw header.error('malformed', 'Size', `${size} is no possible size`, headerLength + 16);
  const format = header.u8('Format');
  const state = header.u8('State');
  if (format !== storeFormatted || state !== storeHealthy)
    throw header.error('malformed', 'State', 'the store is not formatted and healthy', headerLength + 20);
  header.skip(6, 'Reserved');
  return {
    reader: header.within(size - 28, 'records', 'VARIABLE_HEADER'),
    authenticated: form.authenticated,
  };
}

function readRecord(reader: Reader, authenticated: boolean): StoredVariable | 'unwritten' | 'end' {
  const offset = reader.offset;
  const headerSize = authenticated ? 60 : 32;
  if (reader.remaining < headerSize || reader.u16('StartId') !== recordStart) return 'end';
  const state = reader.u8('State');
  reader.skip(1, 'Reserved');
  const attributes = reader.u32('Attributes');
  if (authenticated) reader.skip(8 + 16 + 4, 'MonotonicCount to PubKeyIndex');
  const nameSize = reader.u32('NameSize');
  const dataSize = reader.u32('DataSize');
  const guid = formatGuid(reader.bytes(16, 'VendorGuid'));
  // A header that was never finished stands for no name and no data.
  if ([nameSize, dataSize, attributes].includes(unwritten) || state === 0xff) return 'unwritten';
  if (nameSize + dataSize > reader.remaining) return 'end';
  const name = fromUtf16(reader.bytes(nameSize, 'Name'));
  return { guid, name, attributes, state, data: reader.bytes(dataSize, 'Data'), offset };
}

/** Records are aligned by their offset in memory, where the store begins on a multiple of four. */
function align(offset: number): number {
  return Math.ceil(offset / recordAlignment) * recordAlignment;
}
