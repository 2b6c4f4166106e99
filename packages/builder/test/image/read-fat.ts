/** What a FAT volume says of itself; read here independently of the writer. */
export interface ReadFat {
  readonly bits: number;
  readonly clusters: number;
  readonly volumeId: number;
  readonly label: string;
  /** Content of a file by its path, `EFI/BOOT/BOOTX64.EFI`. */
  readFile(path: string): Buffer;
}

/** Microsoft FAT specification 1.03: type by the number of clusters, chains followed entry by entry. */
export function readFat(volume: Buffer): ReadFat {
  const spc = volume[13] ?? 0;
  const reserved = volume.readUInt16LE(14);
  const rootEntries = volume.readUInt16LE(17);
  const sectors = volume.readUInt16LE(19) || volume.readUInt32LE(32);
  const fatSectors = volume.readUInt16LE(22) || volume.readUInt32LE(36);
  const fatCount = volume[16] ?? 0;
  const dataSector = reserved + fatCount * fatSectors + (rootEntries * 32) / 512;
  const clusters = Math.floor((sectors - dataSector) / spc);
  if (sectors * 512 !== volume.length) throw new Error(`${sectors} sectors in ${volume.length} bytes`);
  if (clusters < 4085) throw new Error(`${clusters} clusters make it FAT12`);
  const bits = clusters < 65525 ? 16 : 32;
  const fat = (n: number): Buffer =>
    volume.subarray((reserved + n * fatSectors) * 512, (reserved + (n + 1) * fatSectors) * 512);
  if (!fat(0).equals(fat(1))) throw new Error('The two tables differ');
  if (fat(0).length < ((clusters + 2) * bits) / 8) throw new Error('The table is too small for its clusters');

  const next = (cluster: number): number =>
    bits === 16 ? fat(0).readUInt16LE(cluster * 2) : fat(0).readUInt32LE(cluster * 4) & 0x0fff_ffff;
  const endMark = bits === 16 ? 0xfff8 : 0x0fff_fff8;
  const chain = (first: number): Buffer => {
    const parts: Buffer[] = [];
    for (let cluster = first; cluster < endMark; cluster = next(cluster)) {
      if (cluster < 2 || cluster >= clusters + 2 || parts.length > clusters)
        throw new Error(`Cluster ${cluster}`);
      const at = (dataSector + (cluster - 2) * spc) * 512;
      parts.push(volume.subarray(at, at + spc * 512));
    }
    return Buffer.concat(parts);
  };
  const root =
    bits === 16 ? volume.subarray((dataSector - (rootEntries * 32) / 512) * 512, dataSector * 512) : chain(2);
  const find = (directory: Buffer, name: string): Buffer => {
    for (let at = 0; directory[at]; at += 32) {
      const [base, extension] = [
        directory.toString('latin1', at, at + 8),
        directory.toString('latin1', at + 8, at + 11),
      ];
      if ([base.trim(), extension.trim()].filter(Boolean).join('.') === name)
        return directory.subarray(at, at + 32);
    }
    throw new Error(`No ${name}`);
  };
  const content = (entry: Buffer): Buffer => {
    const first = (entry.readUInt16LE(20) << 16) | entry.readUInt16LE(26);
    return first === 0 ? Buffer.alloc(0) : chain(first);
  };
  const extended = bits === 16 ? 36 : 64;
  return {
    bits,
    clusters,
    volumeId: volume.readUInt32LE(extended + 3),
    label: volume.toString('latin1', extended + 7, extended + 18),
    readFile(path) {
      const entry = path
        .split('/')
        .reduce<Buffer | undefined>((at, name) => find(at ? content(at) : root, name), undefined);
      if (entry === undefined) throw new Error('The path is empty');
      return content(entry).subarray(0, entry.readUInt32LE(28));
    },
  };
}
