import { hasBootIndex } from '../qemu/boot-devices.ts';
import type { MachineDescription, MachineDevice } from '../qemu/machine-description.ts';
import type { RegisterName } from './prediction.ts';

/** Something in a machine's configuration that makes a register move for reasons that are not the image's. */
export interface FragileFact {
  readonly register: RegisterName;
  /** What the configuration has; a clause without full stop. */
  readonly fact: string;
  /** Why the register moves by it. */
  readonly why: string;
  /** What to choose instead. */
  readonly advice: string;
}

/** What the linter may know besides the machine. */
export interface FragilityContext {
  /** Major version of systemd-stub in the image, where it is known. */
  readonly stubVersion?: number | undefined;
}

interface Row extends FragileFact {
  readonly applies: (machine: MachineDescription, context: FragilityContext) => boolean;
}

/** systemd-stub from this version measures SMBIOS types 1, 2 and 11 whole. */
const STUB_WITH_SMBIOS = 261;

const isCard = (device: MachineDevice) => device.kind === 'network';
const isDisk = (device: MachineDevice) => device.kind === 'disk';
const stubMeasuresSmbios = ({ stubVersion = STUB_WITH_SMBIOS }: FragilityContext) =>
  stubVersion >= STUB_WITH_SMBIOS;

const rows: readonly Row[] = [
  {
    applies: ({ devices }) => devices.some((device) => isCard(device) && device.optionRom),
    register: 'PCR2',
    fact: 'a network card has an option ROM',
    why: 'firmware loads a driver from it and measures it, so the register follows the ROM of the QEMU package',
    advice: 'Give the card an empty "romfile="',
  },
  {
    applies: (machine) => machine.devices.some(isCard) && !hasBootIndex(machine),
    register: 'PCR1',
    fact: 'there is a network card and no boot index',
    why: 'firmware makes boot options of the card, in which its MAC address stands',
    advice: 'Give the boot disk "bootindex=0": then only the disk becomes a boot option',
  },
  {
    applies: ({ devices }) => devices.some((device) => isCard(device) && device.bootIndex !== undefined),
    register: 'PCR1',
    fact: 'a network card has a boot index',
    why: 'its MAC address stands in the boot options, which are measured',
    advice: 'Boot from a disk, or fix the MAC address',
  },
  {
    applies: (machine) => machine.devices.filter(isDisk).length > 1 && !hasBootIndex(machine),
    register: 'PCR1',
    fact: 'there are several disks and no boot index',
    why: 'every disk becomes a boot option, so that one more or less, or another order, moves the register',
    advice: 'Give the boot disk "bootindex=0": then only the disk becomes a boot option',
  },
  {
    applies: (machine) =>
      machine.devices.some(isDisk) && !hasBootIndex(machine) && machine.directBoot === undefined,
    register: 'PCR1',
    fact: 'the boot disk has no boot index',
    why: 'firmware connects every device and makes an option of all that it could boot',
    advice: 'Give the boot disk "bootindex=0"',
  },
  {
    applies: ({ devices }) => devices.some(has64BitBar),
    register: 'PCR1',
    fact: 'a device has a 64-bit BAR',
    why: 'where firmware puts it stands in the ACPI tables, and follows the processor’s vendor, its address width and the size of memory',
    advice: 'Keep the CPU model and "phys-bits" fixed; a SATA disk has no such BAR',
  },
  {
    applies: ({ cpu }) => /^(host|max)(,|$)/.test(cpu),
    register: 'PCR1',
    fact: 'the CPU model is "host" or "max"',
    why: 'under KVM it is the processor of the host: vendor and address width move the ACPI tables, its signature the SMBIOS tables',
    advice:
      'Name a CPU model, such as "EPYC-v4,phys-bits=40"; under TCG "max" is as fixed as the QEMU package',
  },
  {
    applies: ({ defaultDevices }) => defaultDevices,
    register: 'PCR1',
    fact: 'QEMU adds its default devices',
    why: 'they stand in the ACPI tables and take the first PCI slots, and they differ between releases of QEMU',
    advice: 'Start QEMU with -nodefaults',
  },
  {
    applies: ({ machineType }) => /^(q35|pc)$/.test(machineType),
    register: 'PCR1',
    fact: 'the machine type has no version',
    why: 'it stands for another one in each release of QEMU; a version alone does not freeze the ACPI tables either',
    advice: 'Pin QEMU itself, as the lock does, and take new reference values with a new QEMU',
  },
  {
    applies: ({ uuid, smbios = [] }, context) =>
      stubMeasuresSmbios(context) && uuid === undefined && !smbios.some((value) => /\buuid=/.test(value)),
    register: 'PCR1',
    fact: 'the machine has no UUID of its own',
    why: 'the stub measures SMBIOS type 1 with the UUID, and tools such as libvirt give every machine a random one',
    advice: 'Fix it with -uuid',
  },
  {
    applies: ({ smbios = [] }, context) =>
      stubMeasuresSmbios(context) && smbios.some((value) => /^type=(1|2|11)\b/.test(value)),
    register: 'PCR1',
    fact: 'SMBIOS strings are given that the stub measures',
    why: 'serial numbers and OEM strings stand in structures 1, 2 and 11, which the stub measures whole',
    advice: 'Give every machine the same strings, or leave them out',
  },
  {
    applies: ({ smbios = [] }) =>
      smbios.some((value) => value.includes('io.systemd.stub.kernel-cmdline-extra=')),
    register: 'PCR12',
    fact: 'the host adds to the kernel’s command line by SMBIOS',
    why: 'the stub measures what it takes from there',
    advice: 'Put the words into the image’s command line',
  },
  {
    applies: ({ notUnderstood = [] }) => notUnderstood.length > 0,
    register: 'PCR1',
    fact: 'the command line has words that are not understood',
    why: 'what they change of the machine is not known, and so PCR 1 is not predicted',
    advice: 'Leave them out, or take the register from a firmware run',
  },
];

/** What in a machine’s configuration makes registers fragile; that of the machine that altee boots is pinned by the lock. */
export function fragileFacts(machine: MachineDescription, context: FragilityContext = {}): FragileFact[] {
  return rows
    .filter(({ applies }) => applies(machine, context))
    .map(({ applies: _applies, ...fact }) => fact);
}

/** Virtio devices in their modern form, and NVMe controllers (QEMU hw/virtio/virtio-pci.c, hw/nvme/ctrl.c). */
function has64BitBar(device: MachineDevice): boolean {
  if (device.kind === 'disk') return device.interface !== 'sata';
  if (device.kind === 'network') return device.model.startsWith('virtio');
  return device.kind === 'scsi-controller' || (device.kind === 'other' && device.driver.startsWith('virtio'));
}
