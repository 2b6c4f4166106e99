import { parseGuid } from '../../src/bytes/guid.ts';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes, Writer } from '../../src/bytes/writer.ts';

export interface MadeSection {
  readonly gpa: number;
  readonly size: number;
  readonly type: number;
}

export interface MadeFirmwareOptions {
  readonly size?: number;
  /** Whether there is a page for kernel hashes and the address of their table. */
  readonly withHashes?: boolean;
  readonly sections?: readonly MadeSection[];
  readonly resetAddress?: number;
  /** Written over the finished file: offset from the end → bytes. */
  readonly overlay?: Readonly<Record<number, Uint8Array>>;
}

/** Ranges as OVMF 2025.02 has them, and the page of kernel hashes of OvmfPkg/AmdSev. */
export const ovmfSections: readonly MadeSection[] = [
  { gpa: 0x800000, size: 0x9000, type: 1 },
  { gpa: 0x80a000, size: 0x3000, type: 1 },
  { gpa: 0x80d000, size: 0x1000, type: 2 },
  { gpa: 0x80e000, size: 0x1000, type: 3 },
  { gpa: 0x80f000, size: 0x1000, type: 4 },
];
const hashPage: MadeSection = { gpa: 0x810000, size: 0x1000, type: 16 };

/** Firmware with OVMF's GUIDed table and SEV metadata, and nothing else in it. */
export function makeSevFirmware(options: MadeFirmwareOptions = {}): Uint8Array {
  const { size = 0x4000, withHashes = true, resetAddress = 0x80b004, overlay = {} } = options;
  const sections = options.sections ?? (withHashes ? [...ovmfSections, hashPage] : ovmfSections);
  const metadata = new Writer()
    .bytes(ascii('ASEV'))
    .u32(16 + 12 * sections.length)
    .u32(1)
    .u32(sections.length);
  for (const section of sections) metadata.u32(section.gpa).u32(section.size).u32(section.type);
  const metadataAt = 0x800;

  const entries = concatBytes([
    entry('dc886566-984a-4798-a75e-5585a7bf67cc', u32(metadataAt)),
    entry('7255371f-3a3b-4b04-927b-1da6efa8d454', withHashes ? u32(0x810c00, 0x400) : u32(0, 0)),
    entry('00f771de-1a7e-4fcb-890e-68c77e2fb44e', u32(resetAddress)),
  ]);
  const length = entries.length + 18;
  const table = new Writer()
    .bytes(entries)
    .u16(length)
    .bytes(parseGuid('96b582de-1fb2-45f7-baea-a366c55a082d'))
    .finish();
  const firmware = new Uint8Array(size);
  firmware.set(metadata.finish(), size - metadataAt);
  firmware.set(table, size - 32 - table.length);
  for (const [fromEnd, bytes] of Object.entries(overlay)) firmware.set(bytes, size - Number(fromEnd));
  return firmware;
}

function entry(guid: string, data: Uint8Array): Uint8Array {
  return new Writer()
    .bytes(data)
    .u16(data.length + 18)
    .bytes(parseGuid(guid))
    .finish();
}

function u32(...values: readonly number[]): Uint8Array {
  const writer = new Writer();
  for (const value of values) writer.u32(value);
  return writer.finish();
}
