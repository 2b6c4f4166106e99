import type { MachineDescription } from './machine-description.ts';
import type { AddressWidth } from './mmio-window.ts';

/** A kind of machine whose PCR 1 no boot was compared with. */
interface Untried {
  readonly fact: string;
  readonly is: (description: MachineDescription, cpu: AddressWidth) => boolean;
}

/** QEMU releases whose boots were compared. */
const triedReleases: ReadonlySet<string> = new Set(['7.2', '10.0', '11.1']);
const TRIED_ADDRESS_BITS = 40;
const MOST_MEMORY_MIB = 18 * 1024;
const MOST_VCPUS = 8;

const triedDrivers: ReadonlySet<string> = new Set(['VGA', 'virtio-rng-pci', 'virtio-serial-pci']);

const rows: readonly Untried[] = [
  { fact: 'one that KVM runs', is: ({ accelerator }) => accelerator === 'kvm' },
  {
    fact: 'one whose accelerator is not said (TCG is assumed; under KVM the processor is another one, which the tables show)',
    is: ({ accelerator }) => accelerator === undefined,
  },
  {
    fact: 'a device of a kind that no such boot had',
    is: ({ devices }) =>
      devices.some((device) => device.kind === 'other' && !triedDrivers.has(device.driver)),
  },
  {
    fact: 'this release of QEMU',
    is: ({ qemuVersion }) => !triedReleases.has(qemuVersion.split('.').slice(0, 2).join('.')),
  },
  {
    fact: 'a processor whose physical addresses have another width than 40 bits',
    is: (_description, { physicalAddressBits, guestPhysicalAddressBits }) =>
      physicalAddressBits !== TRIED_ADDRESS_BITS || guestPhysicalAddressBits !== 0,
  },
  {
    fact: 'a processor that is neither AMD’s nor Intel’s',
    is: (_description, { vendor }) => vendor !== 'AuthenticAMD' && vendor !== 'GenuineIntel',
  },
  { fact: 'more than 18 GiB of memory', is: ({ memoryMib }) => memoryMib > MOST_MEMORY_MIB },
  { fact: 'more than 8 processors', is: ({ vcpus, maxVcpus = 0 }) => Math.max(vcpus, maxVcpus) > MOST_VCPUS },
];

/** What a machine has that the rules for PCR 1 were never compared with. */
export function untriedFacts(description: MachineDescription, cpu: AddressWidth): string[] {
  return rows.filter(({ is }) => is(description, cpu)).map(({ fact }) => fact);
}
