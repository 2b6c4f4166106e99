import { Reader } from '../bytes/reader.ts';
import { fromUtf16, showAscii } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';

/** A file or folder of a FAT file system. */
export interface FatEntry {
  /** Long name where there is one, else the short one. */
  readonly name: string;
  readonly isFolder: boolean;
  /** In bytes; 0 for folders. */
  readonly size: number;
  readonly firstCluster: number;
  /** The directory record as it stands on disk: 32 bytes. */
  readonly record?: Uint8Array;
}

interface Geometry {
  readonly bits: 12 | 16 | 32;
  readonly clusterBytes: number;
  readonly clusters: number;
  readonly fatOffset: number;
  readonly fatBytes: number;
  readonly rootOffset: number;
  readonly rootBytes: number;
  readonly rootCluster: number;
  readonly dataOffset: number;
}

/** A folder has at most 65,536 entries of 32 bytes (FAT specification 1.03, "FAT Directory Structure"). */
const MAX_FOLDER_BYTES = 65_536 * 32;

/**
 * A FAT12, FAT16 or FAT32 file system, read only (Microsoft FAT specification 1.03; UEFI 2.11, 13.3). Every cluster
 * chain is followed at most once round, so that a loop or a chain that leaves the volume is `malformed`.
 */
export class FatFileSystem {
  readonly #bytes: Uint8Array;
  readonly #geometry: Geometry;

  /** `bytes` begins with the boot sector. Throws `truncated`, `malformed`, or `not-found` when it is no FAT. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#geometry = readGeometry(bytes);
  }

  /** The entry of a path with `\` or `/` between its parts; names are compared without case. */
  find(path: string): FatEntry | undefined {
    const parts = path.split(/[\\/]+/).filter((part) => part !== '');
    let found: FatEntry | undefined;
    for (const [index, part] of parts.entries()) {
      const folder = index === 0 ? this.#root() : found?.isFolder ? this.#folder(found) : undefined;
      found = folder?.find(({ name }) => name.toUpperCase() === part.toUpperCase());
      if (!found) return undefined;
    }
    return found;
  }

  /** Contents of a folder, in the order of its records; the root's for `''`. `undefined` where there is none. */
  list(path: string): FatEntry[] | undefined {
    if (/^[\\/]*$/.test(path)) return this.#root();
    const folder = this.find(path);
    return folder?.isFolder ? this.#folder(folder) : undefined;
  }

  /** Contents of a file. Throws `not-found`. */
  read(path: string): Uint8Array {
    const file = this.find(path);
    if (!file || file.isFolder) throw new MeasureError('not-found', `The file system has no file "${path}"`);
    const contents = this.#chain(file.firstCluster, file.size, file.name);
    if (contents.length < file.size) {
      throw new MeasureError(
        'truncated',
        `File "${path}" needs ${file.size} bytes, its clusters hold ${contents.length}`,
      );
    }
    return contents.subarray(0, file.size);
  }

  #root(): FatEntry[] {
    const { bits, rootOffset, rootBytes, rootCluster } = this.#geometry;
    return readFolder(
      bits === 32
        ? this.#chain(rootCluster, MAX_FOLDER_BYTES, 'root')
        : this.#bytes.subarray(rootOffset, rootOffset + rootBytes),
    );
  }

  #folder(folder: FatEntry): FatEntry[] {
    return readFolder(this.#chain(folder.firstCluster, MAX_FOLDER_BYTES, folder.name));
  }

  /** The clusters from `first` on, until `wanted` bytes are there or the chain ends. */
  #chain(first: number, wanted: number, name: string): Uint8Array {
    const { clusterBytes, clusters, dataOffset } = this.#geometry;
    const numbers: number[] = [];
    for (let cluster = first; numbers.length * clusterBytes < wanted; cluster = this.#next(cluster)) {
      if (this.#isEnd(cluster)) break;
      if (cluster < 2 || cluster >= clusters + 2 || numbers.length >= clusters) {
        throw new MeasureError('malformed', `The clusters of "${name}" lead to ${cluster}, of ${clusters}`);
      }
      numbers.push(cluster);
    }
    const offsets = numbers.map((cluster) => dataOffset + (cluster - 2) * clusterBytes);
    const [start = 0] = offsets;
    const isOneRun = offsets.every((offset, index) => offset === start + index * clusterBytes);
    if (isOneRun) return this.#bytes.subarray(start, start + numbers.length * clusterBytes);
    const contents = new Uint8Array(numbers.length * clusterBytes);
    for (const [index, offset] of offsets.entries()) {
      contents.set(this.#bytes.subarray(offset, offset + clusterBytes), index * clusterBytes);
    }
    return contents;
  }

  #isEnd(cluster: number): boolean {
    return cluster === 0 || cluster >= { 12: 0xff8, 16: 0xfff8, 32: 0xffffff8 }[this.#geometry.bits];
  }

  #next(cluster: number): number {
    const { bits, fatOffset, fatBytes } = this.#geometry;
    const fat = this.#bytes.subarray(fatOffset, fatOffset + fatBytes);
    const byte = (index: number) => fat[index] ?? 0;
    if (bits === 12) {
      const at = cluster + (cluster >> 1);
      const pair = byte(at) | (byte(at + 1) << 8);
      return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
    }
    if (bits === 16) return byte(2 * cluster) | (byte(2 * cluster + 1) << 8);
    const at = 4 * cluster;
    // The upper four bits are reserved.
    return byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | ((byte(at + 3) & 0xf) << 24);
  }
}

/** FAT specification 1.03, "Boot Sector and BPB" and "FAT Type Determination". */
function readGeometry(bytes: Uint8Array): Geometry {
  const reader = new Reader(bytes, 'BPB');
  if (bytes.length < 512 || bytes[510] !== 0x55 || bytes[511] !== 0xaa) {
    throw new MeasureError('not-found', 'There is no FAT boot sector');
  }
  reader.skip(11, 'BS_jmpBoot and BS_OEMName');
  const sectorBytes = reader.u16('BPB_BytsPerSec');
  const sectorsPerCluster = reader.u8('BPB_SecPerClus');
  const reserved = reader.u16('BPB_RsvdSecCnt');
  const fats = reader.u8('BPB_NumFATs');
  const rootEntries = reader.u16('BPB_RootEntCnt');
  const sectors16 = reader.u16('BPB_TotSec16');
  reader.skip(1, 'BPB_Media');
  const fatSectors16 = reader.u16('BPB_FATSz16');
  reader.skip(8, 'BPB_SecPerTrk to BPB_HiddSec');
  const sectors = sectors16 || reader.u32('BPB_TotSec32');
  const fatSectors = fatSectors16 || new Reader(bytes.subarray(36), 'BPB', 36).u32('BPB_FATSz32');
  const isPowerOfTwo = (value: number) => value > 0 && (value & (value - 1)) === 0;
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || !isPowerOfTwo(sectorsPerCluster) || fats === 0) {
    throw new MeasureError('not-found', 'The boot sector describes no FAT file system');
  }
  const rootBytes = Math.ceil((rootEntries * 32) / sectorBytes) * sectorBytes;
  const fatOffset = reserved * sectorBytes;
  const fatBytes = fatSectors * sectorBytes;
  const rootOffset = fatOffset + fats * fatBytes;
  const dataOffset = rootOffset + rootBytes;
  const clusterBytes = sectorBytes * sectorsPerCluster;
  const clusters = Math.floor((sectors * sectorBytes - dataOffset) / clusterBytes);
  if (clusters < 1 || dataOffset + clusters * clusterBytes > bytes.length) {
    throw new MeasureError(
      'truncated',
      `The FAT file system has ${sectors} sectors of ${sectorBytes} bytes, of which ${bytes.length} bytes are there`,
    );
  }
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;
  const rootCluster = bits === 32 ? new Reader(bytes.subarray(44), 'BPB', 44).u32('BPB_RootClus') : 0;
  return {
    bits,
    clusterBytes,
    clusters,
    fatOffset,
    fatBytes,
    rootOffset,
    rootBytes,
    rootCluster,
    dataOffset,
  };
}

const ATTRIBUTES = { volumeLabel: 0x08, folder: 0x10, longName: 0x0f } as const;

/** FAT specification 1.03, "FAT Directory Structure" and "Long File Names". */
function readFolder(bytes: Uint8Array): FatEntry[] {
  const entries: FatEntry[] = [];
  let longName: string[] = [];
  for (let at = 0; at + 32 <= bytes.length && bytes[at] !== 0; at += 32) {
    const record = bytes.subarray(at, at + 32);
    const attributes = record[11] ?? 0;
    if (record[0] === 0xe5) {
      longName = [];
    } else if ((attributes & 0x3f) === ATTRIBUTES.longName) {
      // The parts of a name stand in reverse order before the entry.
      longName.unshift(longNamePart(record));
    } else {
      const name = longName.length > 0 ? longName.join('') : shortName(record);
      longName = [];
      if ((attributes & ATTRIBUTES.volumeLabel) !== 0 || name === '.' || name === '..') continue;
      const view = new DataView(record.buffer, record.byteOffset, 32);
      entries.push({
        name,
        isFolder: (attributes & ATTRIBUTES.folder) !== 0,
        size: view.getUint32(28, true),
        firstCluster: view.getUint16(26, true) + view.getUint16(20, true) * 0x1_0000,
        record,
      });
    }
  }
  return entries;
}

function longNamePart(record: Uint8Array): string {
  const units = new Uint8Array(26);
  units.set(record.subarray(1, 11), 0);
  units.set(record.subarray(14, 26), 10);
  units.set(record.subarray(28, 32), 22);
  return fromUtf16(units);
}

function shortName(record: Uint8Array): string {
  const part = (from: number, to: number) => showAscii(record.subarray(from, to)).trimEnd();
  const [base, extension] = [part(0, 8), part(8, 11)];
  return extension === '' ? base : `${base}.${extension}`;
}
