import { fromHex } from '../bytes/hex.ts';
import type { BootDevice } from '../predict/machine.ts';
import {
  devicePath,
  ipv4Node,
  ipv6Node,
  macNode,
  nvmeNode,
  pciNode,
  pciRootNode,
  sataNode,
  scsiNode,
  uriNode,
} from '../uefi/device-path.ts';
import type { Disk, MachineDescription, NetworkCard } from './machine-description.ts';
import { type PciPlace, placeDevices } from './pci-placement.ts';
import { placeSataDisks } from './sata-ports.ts';

/** What firmware can boot from, in the order in which it finds it when it connects everything. */
export interface BootDevices {
  readonly devices: readonly BootDevice[];
  /** What a machine has that these rules don't know; nothing is known of the boot options then. */
  readonly unknown: readonly string[];
}

/** The chipset's SATA controller (QEMU hw/i386/pc_q35.c). */
const SATA_CONTROLLER = { device: 0x1f, fn: 2 };

/** Network cards for which OVMF has a driver of its own (edk2 OvmfPkg: VirtioNetDxe). */
const builtInDrivers: ReadonlySet<string> = new Set(['virtio-net-pci']);

/** Devices of which OVMF makes no boot option. */
const notBootable: ReadonlySet<string> = new Set([
  ...['virtio-rng-pci', 'virtio-balloon-pci', 'virtio-serial-pci', 'virtio-serial'],
  ...['VGA', 'bochs-display', 'virtio-gpu-pci', 'virtio-vga', 'ramfb'],
]);

/** Cards whose option ROM, as QEMU brings it, makes the same options of them (iPXE). */
const romDrivers: ReadonlySet<string> = new Set(['e1000e']);

/** Whether any device has a boot index: firmware then connects only those that have one. */
export function hasBootIndex({ devices }: MachineDescription): boolean {
  return devices.some((device) => 'bootIndex' in device && device.bootIndex !== undefined);
}

/** The boot devices of a q35 machine, and their descriptions (edk2 UefiBootManagerLib BmBootDescription.c). */
export function findBootDevices(description: MachineDescription): BootDevices {
  const places = placeDevices(description);
  const found: Placed[] = [];
  const unknown: string[] = [];
  const ports = placeSataDisks(description);
  const controllers = new Map<string, ScsiBus>();
  description.devices.forEach((device, index) => {
    const place = places[index];
    if (device.kind === 'disk') {
      if (device.interface === 'sata') found.push(sataDisk(device, ports[index] ?? 0));
      else if (device.interface === 'scsi') {
        const own = place && { place, taken: new Set<number>() };
        const bus = device.controller === undefined ? own : controllers.get(device.controller);
        if (bus) found.push(scsiDisk(device, bus));
        else unknown.push(`the controller "${device.controller}" of a disk`);
      } else if (place) found.push(pciDisk(device, place));
    } else if (device.kind === 'scsi-controller' && place) {
      controllers.set(device.id, { place, taken: new Set() });
    } else if (device.kind === 'network' && place) {
      const driver = device.optionRom ? romDrivers : builtInDrivers;
      if (driver.has(device.model)) found.push(...networkCard(device, place));
      else if (device.optionRom && (!hasBootIndex(description) || device.bootIndex !== undefined)) {
        unknown.push(`what the option ROM of the card "${device.model}" makes bootable`);
      }
    } else if (device.kind === 'other' && !notBootable.has(device.driver)) {
      unknown.push(`what the device "${device.driver}" makes bootable`);
    }
  });
  return { devices: found.toSorted(byPlace).map(({ device }) => device), unknown };
}

/** A boot device with its place in the order of enumeration: slot, slot behind, port or target. */
interface Placed {
  readonly order: readonly number[];
  readonly device: BootDevice;
}

interface ScsiBus {
  readonly place: PciPlace;
  readonly taken: Set<number>;
}

function byPlace(a: Placed, b: Placed): number {
  const length = Math.max(a.order.length, b.order.length);
  for (let index = 0; index < length; index++) {
    const difference = (a.order[index] ?? 0) - (b.order[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function pciDisk({ interface: kind, bootIndex, serial = '' }: Disk, place: PciPlace): Placed {
  const nodes = pciNodes(place);
  const order = orderOf(place);
  if (kind === 'nvme') {
    const name = `${'QEMU NVMe Ctrl'.padEnd(40)} ${serial.padEnd(20)} 1`;
    const device = { kind: 'disk', description: `UEFI ${oneSpace(name)}` } as const;
    return { order, device: { ...device, path: devicePath(...nodes, nvmeNode(1)), bootIndex } };
  }
  return {
    order,
    device: {
      kind: 'disk',
      description: 'UEFI Misc Device',
      fileSystemDescription: 'UEFI Non-Block Boot Device',
      path: devicePath(...nodes),
      bootIndex,
    },
  };
}

function sataDisk({ media = 'disk', bootIndex, serial }: Disk, port: number): Placed {
  const model = media === 'cdrom' ? 'QEMU DVD-ROM' : 'QEMU HARDDISK';
  // QEMU hw/ide/core.c `ide_init1`: units are counted through all buses, two a bus.
  const own = serial ?? `QM${String(2 * port + 1).padStart(5, '0')}`;
  const { device: slot, fn } = SATA_CONTROLLER;
  return {
    order: [slot, fn, port],
    device: {
      kind: media,
      description: `UEFI ${oneSpace(`${model.padEnd(40)} ${own.padEnd(20)}`)}`,
      path: devicePath(pciRootNode(), pciNode(slot, fn), sataNode(port)),
      bootIndex,
    },
  };
}

function scsiDisk({ media = 'disk', bootIndex, unit }: Disk, { place, taken }: ScsiBus): Placed {
  let target = unit ?? 0;
  while (unit === undefined && taken.has(target)) target += 1;
  taken.add(target);
  const model = media === 'cdrom' ? 'QEMU CD-ROM' : 'QEMU HARDDISK';
  return {
    order: [...orderOf(place), target],
    device: {
      kind: media,
      description: `UEFI ${oneSpace(`${'QEMU'.padEnd(8)} ${model.padEnd(16)}`)}`,
      path: devicePath(...pciNodes(place), scsiNode(target, 0)),
      bootIndex,
    },
  };
}

/** PXE and HTTP boot, each by IPv4 and by IPv6. */
function networkCard({ mac, bootIndex }: NetworkCard, place: PciPlace): Placed[] {
  const address = fromHex(mac.replaceAll(':', ''));
  // edk2's PrintLib writes %x in capitals.
  const name = `(MAC:${mac.replaceAll(':', '').toUpperCase()})`;
  const card = [...pciNodes(place), macNode(address)];
  const ways = [
    ['PXEv4', [ipv4Node()]],
    ['PXEv6', [ipv6Node()]],
    ['HTTPv4', [ipv4Node(), uriNode()]],
    ['HTTPv6', [ipv6Node(), uriNode()]],
  ] as const;
  return ways.map(([way, nodes], index) => ({
    order: [...orderOf(place), index],
    device: {
      kind: 'network',
      description: `UEFI ${way} ${name}`,
      path: devicePath(...card, ...nodes),
      bootIndex,
    },
  }));
}

function pciNodes({ slot, slotBehind }: PciPlace): Uint8Array[] {
  const nodes = [pciRootNode(), pciNode(slot)];
  return slotBehind === undefined ? nodes : [...nodes, pciNode(slotBehind)];
}

function orderOf({ slot, slotBehind }: PciPlace): number[] {
  return [slot, slotBehind ?? 0];
}

/** As firmware shortens it: no space at the start, and no two in a row. */
function oneSpace(text: string): string {
  return text.replace(/^ +/, '').replace(/ +/g, ' ');
}
