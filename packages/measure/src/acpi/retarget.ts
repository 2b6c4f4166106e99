import { equalBytes } from '../bytes/compare.ts';
import { concatBytes, Writer } from '../bytes/writer.ts';
import { MeasureError } from '../error.ts';
import { splitQemuMemory } from '../tdx/td-hob.ts';
import { rewriteAml } from './aml-package.ts';
import { mostVcpus, readCpuAml } from './cpu-aml.ts';
import { type AcpiTable, findAcpiTable, readAcpiTables } from './tables.ts';

/** What the tables of another machine of the same kind differ in. */
export interface AcpiTarget {
  readonly vcpus?: number | undefined;
  readonly memoryBytes?: number | undefined;
}

/** ACPI 6.5: common header, and the MADT's entries after its own fields (5.2.12). */
const headerSize = 36;
const madtEntries = 44;
const localApicSize = 8;
/** The FADT's flags (5.2.9): more vCPUs than this need APICs in clusters. */
const fadtFlags = 112;
const forceApicCluster = 1 << 18;
const mostFlatVcpus = 8;
/** Smallest and next sizes of QEMU's file (hw/i386/acpi-build.c `ACPI_BUILD_TABLE_SIZE`). */
const fileAlignment = 0x2_0000;

/**
 * QEMU's `etc/acpi/tables` for another number of vCPUs or another size of RAM than the machine they were read from has; all
 * else being the same (same QEMU, same devices, vCPUs in one socket). DSDT and MADT tell of each vCPU, the FADT whether
 * they are more than eight, the DSDT where the hole below 4 GiB begins.
 *
 * The tables must be ones that this function would give for their own machine: throws `unsupported` when they hold anything
 * that it does not know how to change, `malformed` when they are no such tables.
 */
export function retargetAcpiTables(file: Uint8Array, target: AcpiTarget): Uint8Array {
  const tables = readAcpiTables(file);
  const { vcpus } = readCpuAml(contents(file, findAcpiTable(tables, 'DSDT')));
  const same = change(file, tables, { vcpus });
  if (!equalBytes(same, file))
    throw new MeasureError('unsupported', 'The ACPI tables hold something that cannot be made anew');
  return change(file, tables, { ...target, vcpus: target.vcpus ?? vcpus });
}

function change(
  file: Uint8Array,
  tables: readonly AcpiTable[],
  { vcpus, memoryBytes }: AcpiTarget & { readonly vcpus: number },
): Uint8Array {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > mostVcpus)
    throw new MeasureError('unsupported', `Tables for ${vcpus} vCPUs are described in another way`);
  if (tables.some(({ signature }) => signature === 'SRAT' || signature === 'SLIT' || signature === 'HMAT'))
    throw new MeasureError('unsupported', 'The machine has NUMA nodes, which hold vCPUs and RAM');
  const parts = tables.map((table): Uint8Array => {
    const bytes = contents(file, table);
    if (table.signature === 'DSDT') return withLength(changeDsdt(bytes, vcpus, memoryBytes));
    if (table.signature === 'APIC') return withLength(changeMadt(bytes, vcpus));
    return Uint8Array.from(bytes);
  });
  const offsets = new Map(tables.map(({ offset }, index) => [offset, sum(parts.slice(0, index))]));
  const moved = (offset: number): number => {
    const at = offsets.get(offset);
    if (at === undefined) throw new MeasureError('malformed', `No table begins at ${offset}`);
    return at;
  };
  for (const [index, { signature }] of tables.entries()) {
    const part = parts[index];
    if (!part) continue;
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    if (signature === 'RSDT')
      for (let at = headerSize; at < part.length; at += 4)
        view.setUint32(at, moved(view.getUint32(at, true)), true);
    if (signature === 'FACP') {
      const flags = view.getUint32(fadtFlags, true) & ~forceApicCluster;
      view.setUint32(fadtFlags, vcpus > mostFlatVcpus ? flags | forceApicCluster : flags, true);
      for (const at of [36, 40]) view.setUint32(at, moved(view.getUint32(at, true)), true);
      view.setBigUint64(140, BigInt(moved(Number(view.getBigUint64(140, true)))), true);
    }
  }
  return new Writer().bytes(concatBytes(parts)).align(fileAlignment).finish();
}

function contents(file: Uint8Array, { offset, length }: AcpiTable): Uint8Array {
  return file.subarray(offset, offset + length);
}

const sum = (parts: readonly Uint8Array[]): number => parts.reduce((total, { length }) => total + length, 0);

/** The table with its own length in its header. */
function withLength(table: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(table);
  new DataView(bytes.buffer).setUint32(4, bytes.length, true);
  return bytes;
}

function changeDsdt(dsdt: Uint8Array, vcpus: number, memoryBytes: number | undefined): Uint8Array {
  const cpus = readCpuAml(dsdt);
  const changed = rewriteAml(dsdt, cpus.packages, cpus.edits(vcpus));
  return memoryBytes === undefined ? changed : changeMemoryHole(changed, memoryBytes);
}

/** One entry for each vCPU stands first in the MADT. */
function changeMadt(madt: Uint8Array, vcpus: number): Uint8Array {
  let end = madtEntries;
  for (let index = 0; madt[end] === 0 && madt[end + 1] === localApicSize; index++) {
    if (!equalBytes(madt.subarray(end, end + localApicSize), localApic(index)))
      throw new MeasureError('unsupported', `The MADT's entry of vCPU ${index} is not as QEMU writes it`);
    end += localApicSize;
  }
  return concatBytes([
    madt.subarray(0, madtEntries),
    ...Array.from({ length: vcpus }, (_, index) => localApic(index)),
    madt.subarray(end),
  ]);
}

/** Processor local APIC (ACPI 6.5, table 5.21), enabled. */
function localApic(index: number): Uint8Array {
  return Uint8Array.of(0, localApicSize, index, index, 1, 0, 0, 0);
}

/** DWord memory, fixed, read-write (ACPI 6.5, 6.4.3.5.2), with the top of the hole: PCI Express configuration begins there. */
const holeEnd = 0xe000_0000;
const dwordMemory = [0x87, 0x17, 0, 0, 0x0c];
const dwordSize = 26;
/** QWord memory (6.4.3.5.1), which describes a window above 4 GiB. */
const qwordMemory = [0x8a, 0x2b, 0, 0, 0x0c];
const qwordSize = 46;
/** A window that begins this high is placed by the processor's address bits, and not behind RAM. */
const windowByAddressBits = 2n ** 38n;
const GiB = 2 ** 30;
/** q35's `pci-hole64-size`. */
const defaultWindow = BigInt(32 * GiB);

/** The hole for PCI below 4 GiB begins where RAM ends (hw/pci-host/q35.c). */
function changeMemoryHole(dsdt: Uint8Array, memoryBytes: number): Uint8Array {
  const bytes = Uint8Array.from(dsdt);
  const view = new DataView(bytes.buffer);
  const { low, high } = splitQemuMemory(memoryBytes);
  for (const at of findAll(bytes, qwordMemory)) {
    if (at + qwordSize > bytes.length || view.getBigUint64(at + 14, true) >= windowByAddressBits) continue;
    const length = view.getBigUint64(at + 38, true);
    if (length !== defaultWindow || view.getBigUint64(at + 14, true) % BigInt(GiB) !== 0n)
      throw new MeasureError('unsupported', 'The window above 4 GiB is not where QEMU puts it by default');
    // Nobody placed a device there: it begins behind RAM (hw/i386/pc.c `pc_pci_hole64_start`).
    const start = BigInt(4 * GiB + Math.ceil(high / GiB) * GiB);
    view.setBigUint64(at + 14, start, true);
    view.setBigUint64(at + 22, start + length - 1n, true);
  }
  const holes = findAll(bytes, dwordMemory).filter(
    (at) =>
      at + dwordSize <= bytes.length &&
      view.getUint32(at + 14, true) === holeEnd - 1 &&
      view.getUint32(at + 22, true) === holeEnd - view.getUint32(at + 10, true),
  );
  const [hole, ...more] = holes;
  if (hole === undefined || more.length > 0)
    throw new MeasureError('unsupported', 'The DSDT’s hole below 4 GiB is not as QEMU describes it');
  view.setUint32(hole + 10, low, true);
  view.setUint32(hole + 22, holeEnd - low, true);
  return bytes;
}

function findAll(bytes: Uint8Array, start: readonly number[]): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(start[0] ?? 0); at >= 0; at = bytes.indexOf(start[0] ?? 0, at + 1)) {
    if (start.every((byte, index) => bytes[at + index] === byte)) found.push(at);
  }
  return found;
}
