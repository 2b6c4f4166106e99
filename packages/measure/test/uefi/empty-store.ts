import { parseGuid } from '../../src/bytes/guid.ts';
import { ascii } from '../../src/bytes/text.ts';
import { Writer } from '../../src/bytes/writer.ts';

/** An empty store with room for `room` bytes, in a volume that has 64 bytes behind it. */
export function emptyStore(room = 1024): Uint8Array {
  const size = 28 + room;
  return new Writer()
    .zeros(16)
    .bytes(parseGuid('fff12b8d-7696-4c8b-a985-2747075b4f50'))
    .u64(72 + size + 64)
    .bytes(ascii('_FVH'))
    .u32(0x4feff)
    .u16(72)
    .zeros(22)
    .bytes(parseGuid('aaf32c78-947b-439a-a180-2e144ec37792'))
    .u32(size)
    .u8(0x5a)
    .u8(0xfe)
    .zeros(6)
    .bytes(new Uint8Array(room + 64).fill(0xff))
    .finish();
}
