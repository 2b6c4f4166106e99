import type { PciConfig, PciFunction } from './pci.ts';

/** A function that answers, in the order in which firmware finds it. */
export interface FoundFunction extends PciFunction {
  readonly vendor: number;
  readonly deviceId: number;
  /** 24 bits: base class, sub-class, programming interface. */
  readonly classCode: number;
  /** The bus behind it, of a bridge. */
  readonly secondaryBus?: number;
}

/** Offsets in configuration space (PCI Local Bus 3.0, 6.1; PCI-to-PCI Bridge 1.2, 3.2). */
const offsets = {
  id: 0x00,
  command: 0x04,
  classCode: 0x08,
  headerType: 0x0c,
  firstBar: 0x10,
  busNumbers: 0x18,
  memoryWindow: 0x20,
  prefetchWindow: 0x24,
  prefetchBaseUpper: 0x28,
  prefetchLimitUpper: 0x2c,
} as const;

/** Bus master, memory and I/O space. */
const ENABLE = 7;

/** All functions of a bus and behind its bridges. Numbers the buses on the way, depth first. */
export async function findFunctions(pci: PciConfig): Promise<FoundFunction[]> {
  let lastBus = 0;
  const scan = async (bus: number): Promise<FoundFunction[]> => {
    const found: FoundFunction[] = [];
    for (let device = 0; device < 32; device++) {
      for (let fn = 0; fn < 8; fn++) {
        const place = { bus, device, function: fn };
        const id = await pci.read(place, offsets.id);
        if (id === 0xffffffff || id === 0) {
          if (fn === 0) break;
          continue;
        }
        const header = (await pci.read(place, offsets.headerType)) >>> 16;
        const common = {
          ...place,
          vendor: id & 0xffff,
          deviceId: id >>> 16,
          classCode: (await pci.read(place, offsets.classCode)) >>> 8,
        };
        if ((header & 0x7f) === 1) {
          lastBus += 1;
          const secondaryBus = lastBus;
          await pci.change(place, offsets.busNumbers, 0xffffff, (0xff << 16) | (secondaryBus << 8) | bus);
          found.push({ ...common, secondaryBus }, ...(await scan(secondaryBus)));
          await pci.change(place, offsets.busNumbers, 0xffffff, (lastBus << 16) | (secondaryBus << 8) | bus);
        } else found.push(common);
        if (fn === 0 && (header & 0x80) === 0) break;
      }
    }
    return found;
  };
  return scan(0);
}

/** A 64-bit memory BAR. */
export interface WideBar {
  readonly place: PciFunction;
  readonly offset: number;
  readonly size: bigint;
  readonly prefetchable: boolean;
}

/** Asks a function for the sizes of its 64-bit BARs by writing ones (PCI Local Bus 3.0, 6.2.5.1). */
export async function wideBars(pci: PciConfig, found: FoundFunction): Promise<WideBar[]> {
  const count = found.secondaryBus === undefined ? 6 : 2;
  const bars: WideBar[] = [];
  for (let index = 0; index < count; index++) {
    const offset = offsets.firstBar + 4 * index;
    const before = await pci.read(found, offset);
    await pci.write(found, offset, 0xffffffff);
    const low = await pci.read(found, offset);
    const isWide = (low & 1) === 0 && (low & 6) === 4;
    if (!isWide) {
      await pci.write(found, offset, before);
      continue;
    }
    await pci.write(found, offset + 4, 0xffffffff);
    const high = await pci.read(found, offset + 4);
    const mask = (BigInt(high) << 32n) | BigInt((low & ~15) >>> 0);
    if (mask !== 0n) {
      bars.push({ place: found, offset, size: 2n ** 64n - mask, prefetchable: (low & 8) !== 0 });
    }
    await pci.write(found, offset, before);
    await pci.write(found, offset + 4, 0);
    index += 1;
  }
  return bars;
}

/** Writes a 64-bit BAR. */
export async function assignBar(pci: PciConfig, bar: WideBar, address: bigint): Promise<void> {
  await pci.write(bar.place, bar.offset, Number(address & 0xffffffffn));
  await pci.write(bar.place, bar.offset + 4, Number(address >> 32n));
}

/** Opens a bridge's prefetchable window: both ends whole MiB. */
export async function openWindow(
  pci: PciConfig,
  bridge: PciFunction,
  base: bigint,
  length: bigint,
): Promise<void> {
  const last = base + length - 1n;
  const low = Number((base >> 16n) & 0xfff0n) | 1;
  const high = Number((last >> 16n) & 0xfff0n) | 1;
  await pci.write(bridge, offsets.prefetchWindow, ((high << 16) | low) >>> 0);
  await pci.write(bridge, offsets.prefetchBaseUpper, Number(base >> 32n));
  await pci.write(bridge, offsets.prefetchLimitUpper, Number(last >> 32n));
}

/** Lets the function answer on its BARs. */
export async function enable(pci: PciConfig, place: PciFunction): Promise<void> {
  await pci.change(place, offsets.command, ENABLE, ENABLE);
}
