import { type FatEntry, FatFileSystem } from '../../disk/fat.ts';
import { MeasureError } from '../../error.ts';
import { type Field, type Format, type Part, type Stamp, timeText } from '../parts.ts';
import { type FieldTable, readFieldTable, tableBytes } from './field-table.ts';

/** FAT specification 1.03, "Boot Sector and BPB Structure"; what FAT12/16 and FAT32 have in common. */
const bpbTable: FieldTable = [
  ['BS_jmpBoot', 3],
  ['BS_OEMName', 8],
  ['BPB_BytsPerSec', 2],
  ['BPB_SecPerClus', 1],
  ['BPB_RsvdSecCnt', 2],
  ['BPB_NumFATs', 1],
  ['BPB_RootEntCnt', 2],
  ['BPB_TotSec16', 2],
  ['BPB_Media', 1],
  ['BPB_FATSz16', 2],
  ['BPB_SecPerTrk', 2],
  ['BPB_NumHeads', 2],
  ['BPB_HiddSec', 4],
  ['BPB_TotSec32', 4],
];
/** What follows in FAT12 and FAT16, and in FAT32. */
const smallTable: FieldTable = [
  ['BS_DrvNum', 1],
  ['BS_Reserved1', 1],
  ['BS_BootSig', 1],
  ['BS_VolID', 4],
  ['BS_VolLab', 11],
  ['BS_FilSysType', 8],
];
const largeTable: FieldTable = [
  ['BPB_FATSz32', 4],
  ['BPB_ExtFlags', 2],
  ['BPB_FSVer', 2],
  ['BPB_RootClus', 4],
  ['BPB_FSInfo', 2],
  ['BPB_BkBootSec', 2],
  ['BPB_Reserved', 12],
  ...smallTable,
];

const MAX_ENTRIES = 20_000;
const MAX_FOLDERS = 500;
const MAX_DEPTH = 32;

/** A FAT file system: the boot sector as fields, a part for each file and folder. */
export const fatFormat: Format = {
  name: 'FAT file system',
  recognises: (bytes) => bytes[510] === 0x55 && bytes[511] === 0xaa && isFat(bytes),
  split: (bytes) => {
    const isLarge = bytes[22] === 0 && bytes[23] === 0;
    const table = [...bpbTable, ...(isLarge ? largeTable : smallTable)];
    return {
      format: 'FAT file system',
      fields: readFieldTable(bytes, 0, 'BPB', table),
      told: [[0, tableBytes(table)]],
      parts: new Walk(bytes).parts,
      rest: 'allocation tables, folders and unused space',
    };
  },
};

function isFat(bytes: Uint8Array): boolean {
  try {
    return new FatFileSystem(bytes) !== undefined;
  } catch (error) {
    if (error instanceof MeasureError) return false;
    throw error;
  }
}

/** Every file and folder. Folders can be made to hold each other, so that their number is bounded. */
class Walk {
  readonly parts: Part[] = [];
  readonly #bytes: Uint8Array;
  readonly #fileSystem: FatFileSystem;
  #folders = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#fileSystem = new FatFileSystem(bytes);
    this.#visit('', 0);
  }

  #visit(folder: string, depth: number): void {
    this.#folders += 1;
    const entries = this.#fileSystem.list(folder) ?? [];
    if (depth > MAX_DEPTH || this.#folders > MAX_FOLDERS || this.parts.length + entries.length > MAX_ENTRIES)
      throw new MeasureError('unsupported', 'FAT: more folders or files than an EFI system partition has');
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const fields = recordFields(entry);
      const stamps = recordStamps(entry);
      if (entry.isFolder) {
        this.parts.push({ name: `${path}/`, fields, stamps });
        this.#visit(path, depth + 1);
      } else {
        const bytes = this.#fileSystem.read(path);
        this.parts.push({ name: path, fields, stamps, bytes, ...this.#place(bytes) });
      }
    }
  }

  /** A file whose clusters do not stand in one run was put together, and its clusters count among the rest. */
  #place(bytes: Uint8Array): { readonly offset?: number } {
    return bytes.buffer === this.#bytes.buffer ? { offset: bytes.byteOffset - this.#bytes.byteOffset } : {};
  }
}

function recordFields({ record }: FatEntry): Field[] {
  if (!record) return [];
  return [
    { name: 'attributes', value: `0x${(record[11] ?? 0).toString(16)}` },
    ...recordStampsOf(record).map(({ name, seconds }) => ({ name, value: timeText(seconds) })),
  ];
}

function recordStamps({ record }: FatEntry): Stamp[] {
  return record ? recordStampsOf(record) : [];
}

/** FAT specification 1.03, "Date and Time Formats". */
function recordStampsOf(record: Uint8Array): Stamp[] {
  const view = new DataView(record.buffer, record.byteOffset, 32);
  const at = (name: string, date: number, time: number | undefined): Stamp => ({
    name,
    seconds: fatTime(view.getUint16(date, true), time === undefined ? 0 : view.getUint16(time, true)),
  });
  return [at('created', 16, 14), at('accessed', 18, undefined), at('written', 24, 22)];
}

function fatTime(date: number, time: number): number {
  if (date === 0 && time === 0) return 0;
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  return Date.UTC(year, month - 1, day, time >> 11, (time >> 5) & 63, 2 * (time & 31)) / 1000;
}
