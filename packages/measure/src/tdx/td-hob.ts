import { Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import type { TdvfSection } from './tdvf.ts';

/** Who writes the list of hand-off blocks: the two differ in order, attributes and end. */
export type TdHobVmm = 'qemu' | 'gcp';

/** A range of memory in the list. */
interface Range {
  readonly start: number;
  readonly length: number;
}

const GiB = 2 ** 30;

/** PI 1.8, volume 3, 5.4: types of hand-off blocks, and the version of the first one. */
const handoffType = 1;
const resourceType = 3;
const hobVersion = 9;
const handoffSize = 56;
const resourceSize = 48;
const endOfListSize = 8;
/** EFI_RESOURCE_SYSTEM_MEMORY, and EFI_RESOURCE_MEMORY_UNACCEPTED (PI 1.8, volume 3, 5.5). */
const systemMemory = 0;
const unacceptedMemory = 7;
/** Present, initialized, tested. */
const tested = 0x7;
/** With EFI_RESOURCE_ATTRIBUTE_ENCRYPTED, which Google sets on memory that waits to be accepted. */
const testedEncrypted = 0x1000_0007;

/**
 * The list of hand-off blocks that a VMM gives to a TD: where RAM is, and how much of it. Firmware measures it into
 * RTMR 0 as `TdxTable`. QEMU: target/i386/kvm/tdx.c and hw/i386/tdvf-hob.c; Google's form was learnt from its logs.
 *
 * `memoryBytes` is the whole RAM. Throws `not-found` without a TD_HOB section, `malformed` for less RAM than the
 * sections need.
 */
export function encodeTdHob(
  sections: readonly TdvfSection[],
  memoryBytes: number,
  vmm: TdHobVmm,
): Uint8Array {
  const hob = sections.find(({ type }) => type === 'TD_HOB');
  if (!hob) throw new MeasureError('not-found', 'The firmware has no section for the TD HOB');
  const used = sections.filter(({ type }) => type === 'TD_HOB' || type === 'TempMem').map(rangeOf);
  const needed = Math.max(...used.map(({ start, length }) => start + length));
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < needed)
    throw new MeasureError('malformed', `${memoryBytes} bytes of RAM do not hold the firmware’s sections`);

  const blocks = vmm === 'qemu' ? qemuBlocks(used, memoryBytes) : gcpBlocks(sections, used, memoryBytes);
  const size = handoffSize + blocks.length * resourceSize;
  if (size > hob.memorySize)
    throw new MeasureError('malformed', `The TD HOB of ${size} bytes does not fit its section`);
  // QEMU counts the block that ends the list, Google does not.
  const end = hob.gpa + size + (vmm === 'qemu' ? endOfListSize : 0);
  const writer = new Writer();
  writer.u16(handoffType).u16(handoffSize).u32(0).u32(hobVersion).u32(0).zeros(32).u64(end);
  for (const { type, attributes, start, length } of blocks) {
    writer.u16(resourceType).u16(resourceSize).u32(0).zeros(16);
    writer.u32(type).u32(attributes).u64(start).u64(length);
  }
  return writer.finish();
}

interface Block extends Range {
  readonly type: number;
  readonly attributes: number;
}

const accepted = (range: Range): Block => ({ ...range, type: systemMemory, attributes: tested });

/** All of low memory in order of address: what the firmware already has, and what waits to be accepted. */
function qemuBlocks(used: readonly Range[], memoryBytes: number): Block[] {
  const { low, high } = splitTdHobMemory(memoryBytes, 'qemu');
  const waiting = (range: Range): Block => ({ ...range, type: unacceptedMemory, attributes: tested });
  const sorted = used.toSorted((a, b) => a.start - b.start);
  const blocks: Block[] = [];
  let at = 0;
  for (const range of sorted) {
    if (range.start > at) blocks.push(waiting({ start: at, length: range.start - at }));
    blocks.push(accepted(range));
    at = range.start + range.length;
  }
  if (low > at) blocks.push(waiting({ start: at, length: low - at }));
  if (high > 0) blocks.push(waiting({ start: 4 * GiB, length: high }));
  return blocks;
}

/** Every section in the order of the metadata, then the gaps. */
function gcpBlocks(sections: readonly TdvfSection[], used: readonly Range[], memoryBytes: number): Block[] {
  const waiting = (range: Range): Block => ({
    ...range,
    type: unacceptedMemory,
    attributes: testedEncrypted,
  });
  const { low, high } = splitTdHobMemory(memoryBytes, 'gcp');
  const blocks = sections.map((section) => accepted(rangeOf(section)));
  let at = 0;
  for (const { start, length } of used.toSorted((a, b) => a.start - b.start)) {
    if (start > at) blocks.push(waiting({ start: at, length: start - at }));
    at = start + length;
  }
  if (low > at) blocks.push(waiting({ start: at, length: low - at }));
  if (high > 0) blocks.push(waiting({ start: 4 * GiB, length: high }));
  return blocks;
}

const gcpLowMemory = 3 * GiB;

/** RAM below 4 GiB and above it. */
export function splitTdHobMemory(memoryBytes: number, vmm: TdHobVmm): { low: number; high: number } {
  if (vmm === 'qemu') return splitQemuMemory(memoryBytes);
  const low = Math.min(memoryBytes, gcpLowMemory);
  return { low, high: memoryBytes - low };
}

/**
 * RAM below 4 GiB and above it on QEMU's q35 (hw/i386/pc_q35.c): all of it below as long as it ends before 2.75 GiB,
 * else 2 GiB below.
 */
export function splitQemuMemory(memoryBytes: number): { low: number; high: number } {
  const low = memoryBytes >= 0xb000_0000 ? 2 * GiB : memoryBytes;
  return { low, high: memoryBytes - low };
}

function rangeOf({ gpa, memorySize }: TdvfSection): Range {
  return { start: gpa, length: memorySize };
}
