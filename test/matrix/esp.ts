import { encodeFat, encodeReservedSectors } from '../../packages/builder/src/image/fat.ts';
import { FAT_COUNT, planFat } from '../../packages/builder/src/image/fat-geometry.ts';

/** Files by path from the root of the file system: `EFI/BOOT/BOOTX64.EFI`. */
export type Files = Readonly<Record<string, Uint8Array>>;

const SECTOR_BYTES = 512;
const ENTRY_BYTES = 32;
const ATTRIBUTES = { volumeLabel: 0x08, directory: 0x10, archive: 0x20, longName: 0x0f } as const;
/** 1980-01-01, the earliest date that FAT can say. */
const DATE = (1 << 5) | 1;

interface Node {
  readonly name: string;
  readonly bytes?: Uint8Array;
  readonly children: Node[];
  cluster: number;
}

/** A FAT file system with these files, with long names, in 1 MiB steps and at least 8 MiB large. */
export function encodeFileSystem(files: Files, hiddenSectors: number): Uint8Array {
  const root = treeOf(files);
  const directories = all(root).filter(({ bytes }) => bytes === undefined);
  // Every file may waste most of its last cluster of at most 32 KiB.
  const room = Object.values(files).reduce((sum, { length }) => sum + length + 0x8000, 0);
  const geometry = planFat(room, 4 * directories.length, 2048);
  const clusterBytes = geometry.sectorsPerCluster * SECTOR_BYTES;

  let next = 2;
  const chains: number[] = [];
  const place = (node: Node, size: number): void => {
    const length = Math.ceil(size / clusterBytes);
    node.cluster = length === 0 ? 0 : next;
    if (length > 0) chains.push(length);
    next += length;
  };
  for (const node of all(root)) {
    // FAT16's root directory has a place of its own.
    if (node === root && geometry.bits === 16) node.cluster = 0;
    else place(node, node.bytes?.length ?? Math.max(directoryBytes(node), 1));
  }

  const label = 'MATRIX     ';
  const reserved = encodeReservedSectors({ geometry, volumeId: 0x4d41_5452, label, hiddenSectors }, next);
  const fat = encodeFat(geometry, chains);
  const image = new Uint8Array(geometry.sectors * SECTOR_BYTES);
  image.set(reserved);
  for (let i = 0; i < FAT_COUNT; i++) image.set(fat, reserved.length + i * fat.length);
  const rootStart = reserved.length + FAT_COUNT * fat.length;
  const dataStart = rootStart + geometry.rootSectors * SECTOR_BYTES;
  const at = (cluster: number) => (cluster < 2 ? rootStart : dataStart + (cluster - 2) * clusterBytes);
  write(root, undefined, root, image, at);
  return image;
}

function treeOf(files: Files): Node {
  const root: Node = { name: '', children: [], cluster: 0 };
  for (const [path, bytes] of Object.entries(files)) {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let folder = root;
    for (const part of parts) {
      const found = folder.children.find((child) => child.name === part && child.bytes === undefined);
      const child = found ?? { name: part, children: [], cluster: 0 };
      if (!found) folder.children.push(child);
      folder = child;
    }
    folder.children.push({ name, bytes, children: [], cluster: 0 });
  }
  return root;
}

function all(node: Node): Node[] {
  return [node, ...node.children.flatMap(all)];
}

function directoryBytes(node: Node): number {
  const entries = node.children.reduce((sum, { name }) => sum + 1 + longEntries(name), 2);
  return (entries + 1) * ENTRY_BYTES;
}

function longEntries(name: string): number {
  return Math.ceil((name.length + 1) / 13);
}

function write(
  node: Node,
  parent: Node | undefined,
  root: Node,
  image: Uint8Array,
  at: (cluster: number) => number,
): void {
  if (node.bytes !== undefined) {
    if (node.cluster > 0) image.set(node.bytes, at(node.cluster));
    return;
  }
  const entries: Uint8Array[] = [];
  if (parent) {
    entries.push(entry('.          ', ATTRIBUTES.directory, node.cluster, 0));
    entries.push(entry('..         ', ATTRIBUTES.directory, parent === root ? 0 : parent.cluster, 0));
  } else {
    entries.push(entry('MATRIX     ', ATTRIBUTES.volumeLabel, 0, 0));
  }
  for (const [index, child] of node.children.entries()) {
    const short = shortName(child.name, index);
    const attributes = child.bytes === undefined ? ATTRIBUTES.directory : ATTRIBUTES.archive;
    entries.push(...longNameEntries(child.name, short));
    entries.push(entry(short, attributes, child.cluster, child.bytes?.length ?? 0));
    write(child, node, root, image, at);
  }
  image.set(Buffer.concat(entries), at(node.cluster));
}

/** The name itself where it is one of 8 and 3 capitals, else a unique one. */
function shortName(name: string, index: number): string {
  const [, base, extension = ''] = /^([A-Z0-9_]{1,8})(?:\.([A-Z0-9]{1,3}))?$/.exec(name) ?? [];
  if (base !== undefined) return base.padEnd(8) + extension.padEnd(3);
  return `${`F${String(index).padStart(5, '0')}~1`.padEnd(8)}   `;
}

/** FAT specification 1.03, "FAT Directory Structure". */
function entry(name: string, attributes: number, cluster: number, size: number): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(name, 'latin1'));
  view.setUint8(11, attributes);
  for (const date of [16, 18, 24]) view.setUint16(date, DATE, true);
  view.setUint16(20, cluster >>> 16, true);
  view.setUint16(26, cluster & 0xffff, true);
  view.setUint32(28, size, true);
  return bytes;
}

/** FAT specification 1.03, "FAT Long Directory Entries". */
function longNameEntries(name: string, short: string): Uint8Array[] {
  let sum = 0;
  for (const byte of Buffer.from(short, 'latin1')) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  const count = longEntries(name);
  const entries: Uint8Array[] = [];
  for (let order = count; order >= 1; order--) {
    const bytes = new Uint8Array(ENTRY_BYTES);
    const view = new DataView(bytes.buffer);
    bytes[0] = order === count ? order | 0x40 : order;
    view.setUint8(11, ATTRIBUTES.longName);
    view.setUint8(13, sum);
    const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
    for (const [i, at] of places.entries()) {
      const position = (order - 1) * 13 + i;
      const unit = position === name.length ? 0 : name.charCodeAt(position);
      view.setUint16(at, position > name.length ? 0xffff : unit, true);
    }
    entries.push(bytes);
  }
  return entries;
}
