import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { findVariable, parseVariableStore } from '../uefi/variable-store.ts';

/** EFI_MEMORY_TYPE_INFORMATION (edk2 MdeModulePkg/Include/Guid/MemoryTypeInformation.h). */
interface MemoryType {
  readonly type: number;
  readonly pages: number;
}

const memoryTypeInformation = '4c19049f-4137-4dd3-9c10-8b97a83ffdfa';
/** EfiMaxMemoryType of UEFI 2.9 ends a table. */
const end = 16;
const entryBytes = 8;
/** OVMF's table has five types and the end; it begins with ACPI memory that outlives the boot. */
const entries = 6;
const firstType = 10;

/**
 * The table at the start of `volume` with the larger of its own sizes and those of the variable in the store. Throws
 * `unsupported` where no such table is.
 */
export function encodeMemoryTypes(volume: Uint8Array, store: Uint8Array | undefined): Uint8Array {
  const own = readTypes(volume.subarray(0, entries * entryBytes));
  if (own.length !== entries || own[0]?.type !== firstType || own.at(-1)?.type !== end)
    throw new MeasureError(
      'unsupported',
      'The PEI volume has no table of memory types where it was expected',
    );
  const variable =
    store && findVariable(parseVariableStore(store), memoryTypeInformation, 'MemoryTypeInformation');
  const wanted = new Map(variable ? readTypes(variable.data).map(({ type, pages }) => [type, pages]) : []);
  const writer = new Writer();
  for (const { type, pages } of own) {
    writer.u32(type).u32(type === end ? pages : Math.max(pages, wanted.get(type) ?? 0));
  }
  return writer.finish();
}

function readTypes(bytes: Uint8Array): MemoryType[] {
  const reader = new Reader(bytes, 'EFI_MEMORY_TYPE_INFORMATION');
  const types: MemoryType[] = [];
  while (reader.remaining >= entryBytes) {
    types.push({ type: reader.u32('Type'), pages: reader.u32('NumberOfPages') });
  }
  return types;
}
