import { type AddressWidth, mmioWindowBase, type OvmfRules, type ReservedRange } from '@altee/measure';
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
  await assignWideBars(pci, functions, mmioWindowBase(cpu, rules.window, endOfMemory, reserved));
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

async function assignWideBars(
  pci: PciConfig,
  functions: readonly FoundFunction[],
  windowBase: bigint,
): Promise<void> {
  let next = windowBase;
  const place = async (bar: WideBar) => {
    next = align(next, bar.size);
    await assignBar(pci, bar, next);
    next += bar.size;
  };
  for (const found of functions.filter(({ bus }) => bus === 0)) {
    for (const bar of await wideBars(pci, found)) await place(bar);
  }
  for (const bridge of functions.filter(({ secondaryBus }) => secondaryBus !== undefined)) {
    const base = align(next, MIB);
    next = base;
    for (const found of functions.filter(({ bus }) => bus === bridge.secondaryBus)) {
      for (const bar of (await wideBars(pci, found)).filter(({ prefetchable }) => prefetchable))
        await place(bar);
    }
    if (next === base) continue;
    next = align(next, MIB);
    await openWindow(pci, bridge, base, next - base);
  }
}

function align(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}
