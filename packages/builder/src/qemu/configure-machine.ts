import {
  type AddressWidth,
  hotplugReserve,
  type MmioWindow,
  mmioWindow,
  type OvmfRules,
  type ReservedRange,
} from '@altee/measure';
import {
  assignBar,
  enable,
  type FoundFunction,
  findFunctions,
  openWindow,
  type WideBar,
  wideBars,
} from './configure-pci.ts';
import { type FwCfgFile, readDirectory, readFile, selectFile, writeFile } from './fw-cfg.ts';
import { PciConfig } from './pci.ts';
import type { Qtest } from './qtest.ts';

/** The chipset's registers that QEMU's ACPI tables follow (edk2 OvmfPkg/Library/PlatformInitLib/Platform.c). */
const HOST_BRIDGE = { bus: 0, device: 0, function: 0 };
const LPC_BRIDGE = { bus: 0, device: 0x1f, function: 0 };
const PMBASE = { offset: 0x40, value: 0x600 | 1 };
const ACPI_CNTL = { offset: 0x44, value: 0x80 };
const PCIEXBAR = { low: 0x60, high: 0x64 };
const MIB = 2n ** 20n;

/**
 * Does to a paused q35 machine what OVMF does before it reads the ACPI tables, as far as QEMU builds them after that:
 * power management ports, MMCONFIG, 64-bit BARs, and in builds with SMM the features of the SMI. Gives the PCI
 * functions that were found.
 */
export async function configureMachine(
  qtest: Qtest,
  cpu: AddressWidth,
  rules: OvmfRules,
  memoryMib: number,
): Promise<FoundFunction[]> {
  const pci = new PciConfig(qtest);
  await pci.write(LPC_BRIDGE, PMBASE.offset, PMBASE.value);
  await pci.change(LPC_BRIDGE, ACPI_CNTL.offset, 0xff, ACPI_CNTL.value);
  await pci.write(HOST_BRIDGE, PCIEXBAR.high, 0);
  await pci.write(HOST_BRIDGE, PCIEXBAR.low, (rules.mmconfigBase | 1) >>> 0);

  const files = await readDirectory(qtest);
  if (rules.smm) await negotiateSmi(qtest, files);
  const functions = await findFunctions(pci);
  const { reserved, endOfMemory } = await readMemoryMap(qtest, files, memoryMib);
  await assignWideBars(pci, functions, mmioWindow(cpu, rules.window, endOfMemory, reserved));
  for (const found of functions) await enable(pci, found);
  return functions;
}

/** edk2 OvmfPkg/SmmControl2Dxe/SmiFeatures.c: broadcast, and hot plugging of processors. */
async function negotiateSmi(qtest: Qtest, files: readonly FwCfgFile[]): Promise<void> {
  const find = (name: string) => files.find((file) => file.name === `etc/smi/${name}`);
  const [supported, requested, ok] = [
    find('supported-features'),
    find('requested-features'),
    find('features-ok'),
  ];
  if (!supported || !requested || !ok) return;
  const features = await readFile(qtest, supported);
  await writeFile(
    qtest,
    requested,
    features.map((byte, index) => (index === 0 ? byte & 7 : 0)),
  );
  await selectFile(qtest, ok);
}

/** E820 entries (docs/specs/fw_cfg.rst, `etc/e820`): base, length, type. */
async function readMemoryMap(qtest: Qtest, files: readonly FwCfgFile[], memoryMib: number) {
  const file = files.find(({ name }) => name === 'etc/e820');
  const bytes = file ? await readFile(qtest, file) : new Uint8Array(0);
  const view = new DataView(bytes.buffer);
  const reserved: ReservedRange[] = [];
  let endOfMemory = file ? 2n ** 32n : BigInt(memoryMib) * MIB;
  for (let at = 0; at + 20 <= bytes.length; at += 20) {
    const range = { base: view.getBigUint64(at, true), length: view.getBigUint64(at + 8, true) };
    const end = range.base + range.length;
    if (view.getUint32(at + 16, true) !== 1) reserved.push(range);
    else if (end > endOfMemory) endOfMemory = end;
  }
  return { reserved, endOfMemory };
}

/** Something that needs a range of the window, aligned to `alignment`, which is a power of two. */
interface Request {
  readonly size: bigint;
  readonly alignment: bigint;
  readonly assign: (base: bigint) => Promise<void>;
}

/** Largest first, as edk2's PciBusDxe does it; what is behind a bridge goes into one window of that bridge. */
async function assignWideBars(
  pci: PciConfig,
  functions: readonly FoundFunction[],
  window: MmioWindow,
): Promise<void> {
  const behind = async (bus: number): Promise<Request[]> => {
    const requests: Request[] = [];
    for (const found of functions.filter((each) => each.bus === bus)) {
      requests.push(...(await wideBars(pci, found)).flatMap((bar) => barRequest(pci, bar, bus)));
      if (found.secondaryBus === undefined) continue;
      const inside = await behind(found.secondaryBus);
      requests.push(...bridgeRequest(pci, found, inside, hotplugReserve(window)));
    }
    return requests;
  };
  const requests = await behind(0);
  await assignAll(requests, window.base);
}

/** Behind a bridge, only prefetchable BARs can lie above 4 GiB (PCI-to-PCI Bridge 1.2, 3.2.5.8). */
function barRequest(pci: PciConfig, bar: WideBar, bus: number): Request[] {
  if (bus !== 0 && !bar.prefetchable) return [];
  return [{ size: bar.size, alignment: bar.size, assign: (base) => assignBar(pci, bar, base) }];
}

function bridgeRequest(
  pci: PciConfig,
  bridge: FoundFunction,
  inside: readonly Request[],
  reserve: bigint,
): Request[] {
  const needed = align(
    inside.reduce((sum, { size }) => sum + size, 0n),
    MIB,
  );
  const size = needed > reserve ? needed : reserve;
  if (size === 0n) return [];
  const alignment = inside.reduce((most, each) => max(most, each.alignment), max(MIB, reserve));
  return [
    {
      size,
      alignment,
      assign: async (base) => {
        await assignAll(inside, base);
        await openWindow(pci, bridge, base, size);
      },
    },
  ];
}

async function assignAll(requests: readonly Request[], base: bigint): Promise<void> {
  let next = base;
  for (const { size, alignment, assign } of requests.toSorted((a, b) => Number(b.alignment - a.alignment))) {
    next = align(next, alignment);
    await assign(next);
    next += size;
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function align(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}
