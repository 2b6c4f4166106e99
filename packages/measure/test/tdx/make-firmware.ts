import { parseGuid } from '../../src/bytes/guid.ts';
import { ascii } from '../../src/bytes/text.ts';
import { Writer } from '../../src/bytes/writer.ts';

/** One section as it stands in the metadata. */
export interface SectionFields {
  readonly dataOffset?: number;
  readonly rawSize?: number;
  readonly gpa: bigint | number;
  readonly memorySize: bigint | number;
  readonly type: number;
  readonly attributes?: number;
}

const size = 0x8000;
const variables = 0x2000;

/** A file of 32 KiB with a volume of variables and code, temporary memory and a TD HOB, as OVMF lays them out. */
export const plainSections: readonly SectionFields[] = [
  {
    type: 0,
    dataOffset: variables,
    rawSize: size - variables,
    gpa: 0xffffa000,
    memorySize: 0x6000,
    attributes: 1,
  },
  { type: 1, dataOffset: 0, rawSize: variables, gpa: 0xffff8000, memorySize: 0x2000 },
  { type: 3, gpa: 0x810000, memorySize: 0x10000 },
  { type: 3, gpa: 0x80b000, memorySize: 0x2000 },
  { type: 2, gpa: 0x809000, memorySize: 0x2000 },
  { type: 3, gpa: 0x800000, memorySize: 0x6000 },
];

/** Firmware with that metadata; its other bytes count up. `patch` changes the finished file. */
export function makeTdFirmware(
  sections: readonly SectionFields[] = plainSections,
  patch: (file: Uint8Array, descriptor: number) => void = () => {},
): Uint8Array {
  const file = Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  const descriptor = new Writer()
    .bytes(ascii('TDVF'))
    .u32(16 + 32 * sections.length)
    .u32(1)
    .u32(sections.length);
  for (const { dataOffset = 0, rawSize = 0, gpa, memorySize, type, attributes = 0 } of sections)
    descriptor.u32(dataOffset).u32(rawSize).u64(gpa).u64(memorySize).u32(type).u32(attributes);
  const metadata = descriptor.finish();
  const start = 0x7000;
  file.set(metadata, start);
  const entry = new Writer()
    .u32(size - start)
    .u16(22)
    .bytes(parseGuid('e47a6535-984a-4798-865e-4685a7bf8ec2'))
    .finish();
  const table = new Writer()
    .bytes(entry)
    .u16(entry.length + 18)
    .bytes(parseGuid('96b582de-1fb2-45f7-baea-a366c55a082d'))
    .finish();
  file.set(table, size - 32 - table.length);
  patch(file, start);
  return file;
}
