import { parseGuid } from '../bytes/guid.ts';
import { utf8 } from '../bytes/text.ts';
import { concatBytes, Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { type Hasher, hash } from '../hash.ts';
import { pageSize } from './sev-metadata.ts';

/** What a VMM is given with `-kernel`, `-initrd` and `-append`. */
export interface SevDirectBoot {
  /** The file as it stands: with SEV, QEMU leaves its header alone. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  readonly commandLine?: string | undefined;
}

/** QEMU target/i386/sev.c `sev_hash_table_header_guid` and its neighbours. */
const guids = {
  table: '9438d606-4f22-4cc9-b479-a793d411fd21',
  commandLine: '97d02dd8-bd20-4c94-aa78-e7714d36ab2a',
  initrd: '44baf731-3a2f-4bd7-9af1-41e29169781d',
  kernel: '4de79437-abd2-427f-b835-d5b172d2045b',
} as const;

/**
 * The table of SHA-256 digests by which firmware checks what `-kernel` brings: command line with its NUL, initrd
 * (none is an empty one), kernel; padded to 16 bytes (QEMU target/i386/sev.c `PaddedSevHashTable`).
 */
export function kernelHashTable({ kernel, initrd, commandLine }: SevDirectBoot, hasher: Hasher): Uint8Array {
  const line = utf8(`${commandLine ?? ''}\0`);
  const entries = concatBytes([
    entry(guids.commandLine, hash(hasher, 'sha256', line)),
    entry(guids.initrd, hash(hasher, 'sha256', initrd ?? new Uint8Array(0))),
    entry(guids.kernel, hash(hasher, 'sha256', kernel)),
  ]);
  return new Writer().bytes(entry(guids.table, entries)).align(16).finish();
}

/** The page that holds the table at its place, zero around it. */
export function kernelHashPage(
  table: Uint8Array,
  area: { readonly gpa: number; readonly size: number },
): Uint8Array {
  const offset = area.gpa % pageSize;
  if (table.length > area.size || offset + table.length > pageSize) {
    throw new MeasureError(
      'malformed',
      `The table of kernel hashes does not fit at 0x${area.gpa.toString(16)}`,
    );
  }
  const page = new Uint8Array(pageSize);
  page.set(table, offset);
  return page;
}

function entry(guid: string, data: Uint8Array): Uint8Array {
  return new Writer()
    .bytes(parseGuid(guid))
    .u16(16 + 2 + data.length)
    .bytes(data)
    .finish();
}
