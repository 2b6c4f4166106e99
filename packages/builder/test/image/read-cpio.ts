/** What a newc header says, and the content; read here independently of the writer. */
export interface ReadEntry {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly mtime: number;
  readonly rdev: readonly [number, number];
  readonly data: Buffer;
}

/** Reads an archive to its end; throws where anything isn't as buffer-format.rst has it. */
export function readCpio(archive: Buffer): { entries: ReadEntry[]; trailer: ReadEntry } {
  const entries: ReadEntry[] = [];
  let at = 0;
  for (;;) {
    const head = archive.subarray(at, at + 110).toString('latin1');
    if (!/^070701[0-9a-f]{104}$/.test(head)) throw new Error(`No header at ${at}: ${JSON.stringify(head)}`);
    const field = (i: number): number => Number.parseInt(head.slice(6 + 8 * i, 14 + 8 * i), 16);
    const nameEnd = at + 110 + field(11);
    if (archive[nameEnd - 1] !== 0) throw new Error(`The name at ${at} has no NUL`);
    const dataStart = skipZeros(archive, nameEnd);
    const dataEnd = dataStart + field(6);
    const entry = {
      name: archive.subarray(at + 110, nameEnd - 1).toString('utf8'),
      inode: field(0),
      mode: field(1),
      uid: field(2),
      gid: field(3),
      nlink: field(4),
      mtime: field(5),
      rdev: [field(9), field(10)] as const,
      data: archive.subarray(dataStart, dataEnd),
    };
    if (entry.data.length !== field(6)) throw new Error(`The content of ${entry.name} is cut off`);
    at = skipZeros(archive, dataEnd);
    if (entry.name === 'TRAILER!!!') {
      if (at !== archive.length) throw new Error(`There are ${archive.length - at} bytes after the trailer`);
      return { entries, trailer: entry };
    }
    entries.push(entry);
  }
}

function skipZeros(archive: Buffer, at: number): number {
  const end = Math.ceil(at / 4) * 4;
  if (archive.subarray(at, end).some((byte) => byte !== 0) || end > archive.length) {
    throw new Error(`No padding at ${at}`);
  }
  return end;
}
