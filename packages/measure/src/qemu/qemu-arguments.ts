import type { Disk, MachineDescription, MachineDevice, NetworkCard, PciSlot } from './machine-description.ts';
import { encodeOption, escapeOption } from './option.ts';
import { placeSataDisks } from './sata-ports.ts';

/** What a machine needs from outside and no measurement depends on. Paths are as QEMU sees them. */
export interface MachinePaths {
  readonly accelerator: 'kvm' | 'tcg';
  readonly firmwareCode: string;
  /** A copy of the variable store; the firmware writes to it. */
  readonly firmwareVariables: string;
  /** The software TPM's control socket. */
  readonly tpmSocket?: string | undefined;
  /** A file for each disk of the description, in order; all are attached read-only. */
  readonly disks: readonly string[];
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
  /** For each serial port a character device: `stdio,signal=off`, `file,path=serial.log`. */
  readonly serial?: readonly string[] | undefined;
  /** `hostfwd`'s values for the first network card: `tcp:127.0.0.1:8080-:80`. */
  readonly forwards?: readonly string[] | undefined;
  readonly qmpSocket?: string | undefined;
}

/**
 * QEMU's arguments for the machine: the same for a boot and for reading out its tables. Neither a window nor a user's
 * configuration; a reset ends QEMU.
 */
export function qemuArguments(description: MachineDescription, paths: MachinePaths): string[] {
  return [
    ...(description.defaultDevices ? ['-monitor', 'none'] : ['-nodefaults']),
    ...['-no-user-config', '-no-reboot', '-display', 'none'],
    ...board(description, paths),
    ...firmware(paths),
    ...tpm(description, paths),
    ...deviceArguments(description, paths),
    ...directBoot(description, paths),
    ...serialPorts(description, paths),
    ...(paths.qmpSocket === undefined
      ? []
      : ['-qmp', `unix:${escapeOption(paths.qmpSocket)},server=on,wait=off`]),
  ];
}

function board(description: MachineDescription, { accelerator }: MachinePaths): string[] {
  const { machineType, cpu, vcpus, maxVcpus, topology, memoryMib, smm, uuid, smbios, boot } = description;
  const smp = [
    String(vcpus),
    ...(topology === undefined ? [] : [topology]),
    ...(maxVcpus === undefined ? [] : [`maxcpus=${maxVcpus}`]),
  ];
  return [
    '-machine',
    [machineType, encodeOption({ accel: accelerator, smm })].join(','),
    ...['-cpu', cpu],
    ...['-smp', smp.join(',')],
    ...['-m', `${memoryMib}M`],
    ...(uuid === undefined ? [] : ['-uuid', uuid]),
    ...(smbios ?? []).flatMap((value) => ['-smbios', value]),
    ...(boot === undefined ? [] : ['-boot', boot]),
  ];
}

function firmware({ firmwareCode, firmwareVariables }: MachinePaths): string[] {
  return [
    '-drive',
    encodeOption({ if: 'pflash', unit: 0, format: 'raw', readonly: 'on', file: firmwareCode }),
    '-drive',
    encodeOption({ if: 'pflash', unit: 1, format: 'raw', file: firmwareVariables }),
  ];
}

function tpm({ tpm }: MachineDescription, { tpmSocket }: MachinePaths): string[] {
  if (tpm === undefined) return [];
  return [
    ...['-chardev', `socket,${encodeOption({ id: 'tpm', path: tpmSocket ?? '' })}`],
    ...['-tpmdev', 'emulator,id=tpm,chardev=tpm'],
    ...['-device', `tpm-${tpm},tpmdev=tpm`],
  ];
}

function deviceArguments(description: MachineDescription, paths: MachinePaths): string[] {
  const { devices, defaultDevices } = description;
  const ports = placeSataDisks(description);
  let disks = 0;
  let cards = 0;
  const words = devices.flatMap((device, index) => {
    if (device.kind === 'disk') return disk(device, ports[index], disks++, paths);
    if (device.kind === 'network') return networkCard(device, cards++, paths);
    return ['-device', otherDevice(device)];
  });
  // Without a card of its own or `-nodefaults`, QEMU would add one.
  return defaultDevices && cards === 0 ? ['-net', 'none', ...words] : words;
}

/** QEMU's device of each interface, for a disk and for a CD-ROM drive. */
const diskDrivers = {
  'virtio-blk': { disk: 'virtio-blk-pci', cdrom: 'virtio-blk-pci' },
  nvme: { disk: 'nvme', cdrom: 'nvme' },
  sata: { disk: 'ide-hd', cdrom: 'ide-cd' },
  scsi: { disk: 'scsi-hd', cdrom: 'scsi-cd' },
} as const;

function disk(description: Disk, port: number | undefined, index: number, { disks }: MachinePaths): string[] {
  const { interface: kind, media = 'disk', bootIndex, serial, controller, unit } = description;
  const id = index === 0 ? 'disk' : `disk${index}`;
  // ide-hd takes no read-only drive: what the guest writes goes to a temporary file then.
  const access = kind === 'sata' && media === 'disk' ? { snapshot: 'on' } : { readonly: 'on' };
  const drive = encodeOption({ if: 'none', id, format: 'raw', ...access, file: disks[index] ?? '' });
  const driver = diskDrivers[kind][media];
  const own = { drive: id, serial, bootindex: bootIndex };
  const device = (properties: Parameters<typeof encodeOption>[0]) => [
    '-device',
    `${driver},${encodeOption(properties)}`,
  ];
  if (kind === 'sata') return ['-drive', drive, ...device({ bus: `ide.${port}`, ...own })];
  if (kind === 'scsi') {
    const bus = controller ?? `scsi-of-${id}`;
    const before = controller === undefined ? ['-device', scsiController(bus, description)] : [];
    return ['-drive', drive, ...before, ...device({ bus: `${bus}.0`, 'scsi-id': unit, ...own })];
  }
  return ['-drive', drive, ...device({ ...own, ...place(description) })];
}

function networkCard(card: NetworkCard, index: number, { forwards = [] }: MachinePaths): string[] {
  const id = index === 0 ? 'net' : `net${index}`;
  const forward = index === 0 ? forwards.map((each) => `,hostfwd=${each}`).join('') : '';
  const properties = {
    netdev: id,
    mac: card.mac,
    ...(card.optionRom ? {} : { romfile: '' }),
    bootindex: card.bootIndex,
    ...place(card),
  };
  return [
    ...['-netdev', `user,id=${id},restrict=on${forward}`],
    ...['-device', `${card.model},${encodeOption(properties)}`],
  ];
}

function otherDevice(device: Exclude<MachineDevice, Disk | NetworkCard>): string {
  if (device.kind === 'scsi-controller') return scsiController(device.id, device);
  if (device.kind === 'root-port') {
    const { id, chassis, port } = device;
    return `pcie-root-port,${encodeOption({ id, chassis, port, ...place(device) })}`;
  }
  return [device.driver, ...(device.properties === undefined ? [] : [device.properties]), encodePlace(device)]
    .filter((each) => each !== '')
    .join(',');
}

function scsiController(id: string, slot: PciSlot): string {
  return `virtio-scsi-pci,${encodeOption({ id, ...place(slot) })}`;
}

function place({ behind, slot }: PciSlot) {
  return { bus: behind, addr: slot === undefined ? undefined : `0x${slot.toString(16)}` };
}

function encodePlace(slot: PciSlot): string {
  return encodeOption(place(slot));
}

function directBoot({ directBoot: boot }: MachineDescription, { kernel, initrd }: MachinePaths): string[] {
  if (boot === undefined) return [];
  return [
    ...['-kernel', kernel ?? ''],
    ...(boot.initrd ? ['-initrd', initrd ?? ''] : []),
    ...(boot.commandLine === undefined ? [] : ['-append', boot.commandLine]),
  ];
}

function serialPorts({ serialPorts: count }: MachineDescription, { serial = [] }: MachinePaths): string[] {
  return Array.from({ length: count }, (_, index) => {
    const id = index === 0 ? 'console' : `console${index}`;
    const [backend, ...rest] = (serial[index] ?? 'null').split(',');
    return ['-chardev', [backend, `id=${id}`, ...rest].join(','), '-serial', `chardev:${id}`];
  }).flat();
}
