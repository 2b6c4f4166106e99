import type { MachineDescription } from './machine-description.ts';

/** Ports of the chipset's SATA controller (QEMU hw/ide/ich.c). */
const PORTS = 6;
/** QEMU's own CD-ROM drive is the third IDE unit (system/vl.c `default_cdrom`). */
const DEFAULT_CDROM_PORT = 2;

/**
 * The port of every SATA disk, in the order of the description's devices; `undefined` for all other devices. A disk
 * without a port of its own gets the first one that no other disk asks for.
 */
export function placeSataDisks({ devices, defaultDevices }: MachineDescription): (number | undefined)[] {
  const sata = devices.map((device) =>
    device.kind === 'disk' && device.interface === 'sata' ? device : undefined,
  );
  const taken = new Set<number>(sata.flatMap((disk) => disk?.unit ?? []));
  if (defaultDevices) taken.add(DEFAULT_CDROM_PORT);
  return sata.map((disk) => {
    if (!disk || disk.unit !== undefined) return disk?.unit;
    const free = Array.from({ length: PORTS }, (_, port) => port).find((port) => !taken.has(port)) ?? PORTS;
    taken.add(free);
    return free;
  });
}
