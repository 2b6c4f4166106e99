import type { Consoles } from '../uki/consoles.ts';
import type { MachineDescription } from './machine-description.ts';

/** Displays for which OVMF has a driver (edk2 OvmfPkg: QemuVideoDxe, VirtioGpuDxe, QemuRamfbDxe). */
const displays: ReadonlySet<string> = new Set([
  'VGA',
  'bochs-display',
  'cirrus-vga',
  'qxl-vga',
  'ramfb',
  'secondary-vga',
  'virtio-gpu-pci',
  'virtio-vga',
  'vmware-svga',
]);

const virtioSerial: ReadonlySet<string> = new Set(['virtio-serial-pci', 'virtio-serial']);

/** What of a machine a stub takes for a console; `undefined` where a device was not understood. */
export function findConsoles(description: MachineDescription): Consoles | undefined {
  const { devices, defaultDevices, serialPorts, notUnderstood = [] } = description;
  if (notUnderstood.length > 0) return undefined;
  const others = devices.filter((device) => device.kind === 'other');
  return {
    serialPorts: Array.from({ length: serialPorts }, (_, index) => index),
    // On the root bus it has the id of virtio before 1.0; behind a port that of 1.0, which the stub doesn't know.
    virtio: others.filter(({ driver, behind }) => virtioSerial.has(driver) && behind === undefined).length,
    graphics: defaultDevices || others.some(({ driver }) => displays.has(driver)),
  };
}
