import type { Disk, MachineDevice, PciSlot } from './machine-description.ts';
import { parseOption } from './option.ts';
import type { CommandState } from './parse-qemu-command.ts';

/** What `-drive` says of a disk that QEMU itself attaches, or that a device takes. */
export interface DriveFacts {
  readonly interface?: Disk['interface'];
  readonly media: 'disk' | 'cdrom';
  readonly unit?: number | undefined;
  readonly serial?: string | undefined;
}

type Properties = ReadonlyMap<string, string>;

/** Settings of a drive on which nothing depends that is measured. */
const harmlessDriveKeys = new Set(
  'id file format readonly cache aio discard snapshot if index unit media serial werror rerror throttling'.split(
    ' ',
  ),
);
const interfaces: Readonly<Record<string, Disk['interface']>> = { virtio: 'virtio-blk', ide: 'sata' };

/** `-drive`: firmware in flash, a drive for a device to take, or one that QEMU attaches by itself. */
export function parseDrive(state: CommandState, text: string): boolean {
  const { properties, other } = split(text, false);
  if (other.length > 0 || [...properties.keys()].some((key) => !harmlessDriveKeys.has(key))) return false;
  const kind = properties.get('if') ?? 'ide';
  if (kind === 'pflash') return true;
  const unit = integer(properties.get('index') ?? properties.get('unit'));
  const media = properties.get('media') === 'cdrom' ? 'cdrom' : 'disk';
  const facts = { media, unit, serial: properties.get('serial') } as const;
  if (kind === 'none') {
    state.drives.set(properties.get('id') ?? '', facts);
    return true;
  }
  const found = interfaces[kind];
  if (found === undefined) return false;
  state.ownDrives.push({ ...facts, interface: found });
  return true;
}

/** Drives of QEMU's own come after the devices of the command line (system/vl.c: `-device` options are read first). */
export function placeOwnDrives({ ownDrives }: CommandState): MachineDevice[] {
  return ownDrives.map(({ interface: kind = 'sata', media, unit, serial }) => ({
    kind: 'disk',
    interface: kind,
    media,
    serial,
    ...(kind === 'sata' ? { unit } : {}),
  }));
}

/** What a device's properties make of it; `undefined` where they are not understood. */
type DeviceRule = (properties: Properties, driver: string, state: CommandState) => MachineDevice | undefined;

const place = ['id', 'bus', 'addr'];
const LAST_SATA_PORT = 5;

/** Each device that is understood, with all the properties that are. */
const devices: Readonly<Record<string, { properties: readonly string[]; read: DeviceRule }>> = {
  'virtio-blk-pci': { properties: ['drive', 'bootindex', 'serial', ...place], read: pciDisk('virtio-blk') },
  nvme: { properties: ['drive', 'bootindex', 'serial', ...place], read: pciDisk('nvme') },
  'ide-hd': { properties: ['drive', 'bootindex', 'serial', 'bus', 'id'], read: sataDisk('disk') },
  'ide-cd': { properties: ['drive', 'bootindex', 'serial', 'bus', 'id'], read: sataDisk('cdrom') },
  'scsi-hd': { properties: ['drive', 'bootindex', 'serial', 'bus', 'id', 'scsi-id'], read: scsiDisk('disk') },
  'scsi-cd': {
    properties: ['drive', 'bootindex', 'serial', 'bus', 'id', 'scsi-id'],
    read: scsiDisk('cdrom'),
  },
  'virtio-scsi-pci': {
    properties: place,
    read: (properties) => ({
      kind: 'scsi-controller',
      id: properties.get('id') ?? 'scsi',
      ...slotOf(properties),
    }),
  },
  'pcie-root-port': {
    properties: [...place, 'chassis', 'port', 'slot'],
    read: (properties) =>
      properties.has('slot') || !properties.has('id')
        ? undefined
        : {
            kind: 'root-port',
            id: properties.get('id') ?? '',
            chassis: integer(properties.get('chassis')),
            port: integer(properties.get('port')),
            ...slotOf(properties),
          },
  },
  'virtio-net-pci': { properties: ['netdev', 'mac', 'romfile', 'rombar', 'bootindex', ...place], read: card },
  e1000: { properties: ['netdev', 'mac', 'romfile', 'rombar', 'bootindex', ...place], read: card },
  e1000e: { properties: ['netdev', 'mac', 'romfile', 'rombar', 'bootindex', ...place], read: card },
  rtl8139: { properties: ['netdev', 'mac', 'romfile', 'rombar', 'bootindex', ...place], read: card },
  'virtio-rng-pci': {
    properties: ['rng', 'max-bytes', 'period', ...place],
    read: (properties, driver) => ({ kind: 'other', driver, ...slotOf(properties) }),
  },
};

/** `-device`. */
export function parseDevice(state: CommandState, text: string): boolean {
  const { driver, properties, other } = split(text, true);
  if (driver === 'tpm-crb' || driver === 'tpm-tis') {
    state.tpm = driver === 'tpm-crb' ? 'crb' : 'tis';
    return [...properties.keys()].every((key) => key === 'tpmdev' || key === 'id');
  }
  const rule = devices[driver];
  if (!rule || other.length > 0) return false;
  if ([...properties.keys()].some((key) => !rule.properties.includes(key))) return false;
  if (!hasOwnFunction(properties.get('addr'))) return false;
  const device = rule.read(properties, driver, state);
  if (device) state.devices.push(device);
  return device !== undefined;
}

function pciDisk(kind: 'virtio-blk' | 'nvme'): DeviceRule {
  return (properties, _driver, state) => ({
    kind: 'disk',
    interface: kind,
    ...diskFacts(properties, state),
    ...slotOf(properties),
  });
}

function sataDisk(media: 'disk' | 'cdrom'): DeviceRule {
  return (properties, _driver, state) => {
    const bus = properties.get('bus');
    const unit = /^ide\.(\d)$/.exec(bus ?? '')?.[1];
    if (bus !== undefined && unit === undefined) return undefined;
    // Without a bus QEMU takes the last port, and refuses a second such disk (system/qdev-monitor.c).
    const isTaken = state.devices.some((each) => each.kind === 'disk' && each.unit === LAST_SATA_PORT);
    if (bus === undefined && isTaken) return undefined;
    const port = integer(unit) ?? LAST_SATA_PORT;
    return { kind: 'disk', interface: 'sata', ...diskFacts(properties, state), media, unit: port };
  };
}

function scsiDisk(media: 'disk' | 'cdrom'): DeviceRule {
  return (properties, _driver, state) => {
    const controllers = state.devices.flatMap((each) => (each.kind === 'scsi-controller' ? [each.id] : []));
    const bus = properties.get('bus')?.replace(/\.0$/, '');
    const controller = bus ?? (controllers.length === 1 ? controllers[0] : undefined);
    if (controller === undefined || !controllers.includes(controller)) return undefined;
    const unit = integer(properties.get('scsi-id'));
    return { kind: 'disk', interface: 'scsi', ...diskFacts(properties, state), media, controller, unit };
  };
}

function diskFacts(properties: Properties, { drives }: CommandState) {
  const drive = drives.get(properties.get('drive') ?? '');
  return {
    media: drive?.media ?? 'disk',
    bootIndex: integer(properties.get('bootindex')),
    serial: properties.get('serial') ?? drive?.serial,
  } as const;
}

function card(
  properties: Properties,
  model: string,
  { devices: before }: CommandState,
): MachineDevice | undefined {
  const romfile = properties.get('romfile');
  if (romfile !== undefined && romfile !== '') return undefined;
  // net/net.c `qemu_macaddr_default_if_unset`: cards without an address of their own are counted.
  const unset = before.filter(({ kind }) => kind === 'network').length;
  return {
    kind: 'network',
    model,
    mac: (properties.get('mac') ?? `52:54:00:12:34:${(0x56 + unset).toString(16)}`).toLowerCase(),
    optionRom: romfile === undefined && properties.get('rombar') !== '0',
    bootIndex: integer(properties.get('bootindex')),
    ...slotOf(properties),
  };
}

function slotOf(properties: Properties): PciSlot {
  const bus = properties.get('bus');
  const addr = properties.get('addr')?.split('.')[0];
  return {
    behind: bus === undefined || /^(pcie|pci)\.0$/.test(bus) ? undefined : bus,
    // hw/core/qdev-properties.c `set_pci_devfn`: the number is hexadecimal with or without prefix.
    slot: addr === undefined ? undefined : Number.parseInt(addr, 16),
  };
}

/** Functions of one device are not understood. */
function hasOwnFunction(addr: string | undefined): boolean {
  return addr === undefined || /^(0x)?[0-9a-f]{1,2}(\.(0x)?0)?$/i.test(addr);
}

function integer(text: string | undefined): number | undefined {
  return text === undefined || !/^(0x[0-9a-f]{1,8}|\d{1,9})$/i.test(text) ? undefined : Number(text);
}

function split(text: string, hasDriver: boolean) {
  const properties = new Map<string, string>();
  const other: string[] = [];
  let driver = '';
  parseOption(text).forEach(({ key, value }, index) => {
    if (key !== '') properties.set(key, value);
    else if (hasDriver && index === 0) driver = value;
    else other.push(value);
  });
  return { driver, properties, other };
}
