import type { QemuMachine } from '../predict/machine.ts';
import { findBootDevices, hasBootIndex } from './boot-devices.ts';
import { findConsoles } from './consoles.ts';
import type { MachineDescription } from './machine-description.ts';
import type { AddressWidth } from './mmio-window.ts';
import { untriedFacts } from './untried-facts.ts';

/** What QEMU hands to firmware on a machine, read out of QEMU or made by hand. */
export interface QemuHandoff {
  readonly cpu: AddressWidth;
  /** Name → contents of the files of fw_cfg. */
  readonly fwCfg: Readonly<Record<string, Uint8Array>>;
}

/** The facts on which PCR 0 and 1 depend, from a machine's description and what QEMU hands over. */
export function qemuMachine(description: MachineDescription, { cpu, fwCfg }: QemuHandoff): QemuMachine {
  const { devices, unknown } = findBootDevices(description);
  return {
    version: description.qemuVersion,
    chipset: /^(pc-)?q35/.test(description.machineType) ? 'q35' : 'pc',
    machineType: description.machineType,
    memoryMib: description.memoryMib,
    vcpus: description.vcpus,
    maxVcpus: description.maxVcpus,
    cpu: {
      vendor: cpu.vendor === 'GenuineIntel' ? 'GenuineIntel' : 'AuthenticAMD',
      physicalAddressBits: cpu.physicalAddressBits,
    },
    fwCfg,
    bootDevices: devices,
    hasBootIndex: hasBootIndex(description),
    directBoot: description.directBoot !== undefined,
    consoles: findConsoles(description),
    emulated: description.accelerator === 'tcg',
    unknown: [
      ...(description.notUnderstood ?? []).map((words) => `"${words}"`),
      ...unknown,
      ...(isHostProcessor(description) ? ['its processor, which under KVM is the host’s'] : []),
    ],
    untried: untriedFacts(description, cpu),
  };
}

/** Such a model is whatever the host has (QEMU target/i386/cpu.c). */
function isHostProcessor({ accelerator, cpu }: MachineDescription): boolean {
  return accelerator === 'kvm' && /^(host|max)(,|$)/.test(cpu);
}
