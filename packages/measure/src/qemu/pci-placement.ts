import type { MachineDescription, MachineDevice, PciSlot } from './machine-description.ts';

/** Where a device sits: its number on the root bus, and on the bus behind that, where it is behind a root port. */
export interface PciPlace {
  readonly slot: number;
  readonly slotBehind?: number | undefined;
}

/** Slots of q35's root bus that the board itself takes: host bridge, and LPC bridge with SATA and SMBus. */
const boardSlots = [0x00, 0x1f];
const SLOTS = 32;

/**
 * The PCI place of every device that has one, in the description's order; `undefined` for a disk on a controller of
 * the board or of its own line. Each device without an `addr` gets the first slot that is free when its turn comes
 * (QEMU hw/pci/pci.c `do_pci_register_device`), after the display adapter where QEMU adds one.
 */
export function placeDevices({ devices, defaultDevices }: MachineDescription): (PciPlace | undefined)[] {
  const root = new Set(boardSlots);
  if (defaultDevices) root.add(firstFree(root));
  const buses = new Map<string, { slot: number; taken: Set<number> }>();
  return devices.map((device) => {
    if (!isPciDevice(device)) return undefined;
    const place = takeSlot(device, root, buses);
    if (device.kind === 'root-port') buses.set(device.id, { slot: place.slot, taken: new Set() });
    return place;
  });
}

/** Disks of SATA sit on the board's controller, and those of SCSI on one that stands before them. */
function isPciDevice(device: MachineDevice): boolean {
  if (device.kind !== 'disk') return true;
  return device.interface !== 'sata' && (device.interface !== 'scsi' || device.controller === undefined);
}

function takeSlot(
  { behind, slot }: PciSlot,
  root: Set<number>,
  buses: ReadonlyMap<string, { slot: number; taken: Set<number> }>,
): PciPlace {
  const bus = behind === undefined ? undefined : buses.get(behind);
  const taken = bus?.taken ?? root;
  const own = slot ?? firstFree(taken);
  taken.add(own);
  return bus ? { slot: bus.slot, slotBehind: own } : { slot: own };
}

function firstFree(taken: ReadonlySet<number>): number {
  return Array.from({ length: SLOTS }, (_, slot) => slot).find((slot) => !taken.has(slot)) ?? SLOTS;
}
