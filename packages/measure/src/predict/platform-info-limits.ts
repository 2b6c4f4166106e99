import type { QemuMachine } from './machine.ts';
import { q35Smram } from './q35-smram.ts';
import { compareVersions } from './version.ts';

const MIB = 2 ** 20;
/** QEMU moves memory above 4 GiB of AMD's processors when it would reach this address (hw/i386/pc.c, `AMD_HT_START`). */
const MAX_MEMORY_MIB = 0xfd_0000_0000 / MIB - 4096;

/** Files of fw_cfg at which PlatformPei looks too. */
const UNREAD: ReadonlySet<string> = new Set(['opt/ovmf/PcdSetNxForStack', 'etc/hardware-info']);

/** Why `encodePlatformInfo` has no right answer for this machine. */
export function platformInfoGap(machine: QemuMachine, smm: boolean): string | undefined {
  const { memoryMib, fwCfg, unknown = [] } = machine;
  if (unknown.length > 0) return `of the machine this is not understood: ${unknown.join(', ')}`;
  if (memoryMib >= MAX_MEMORY_MIB) return 'where QEMU puts so much memory is not known';
  if (smm && !q35Smram(machine)) {
    return `what the board "${machine.machineType ?? 'q35'}" of QEMU ${machine.version} keeps for system management mode is not known`;
  }
  const unread = Object.keys(fwCfg).find((name) => UNREAD.has(name));
  return unread && `"${unread}" of fw_cfg changes it in ways that are not known`;
}

/** QEMU's own processors have 40 bits under TCG; KVM may show others. */
const COMPARED_ADDRESS_BITS = 40;
/** Compared with runs under 7.2, 10.0 and 11.1. */
const COMPARED_QEMU = { from: '7.2', to: '11.1' };

/** Why its answer counts as read in source only: it was compared with runs of other machines. */
export function platformInfoDoubt({ cpu, version, emulated }: QemuMachine): string | undefined {
  if (emulated === false)
    return 'What PlatformPei finds of a machine was compared under TCG only; under KVM the processor is another one';
  const { physicalAddressBits: bits } = cpu;
  if (bits !== COMPARED_ADDRESS_BITS) {
    return `What PlatformPei makes of ${bits} physical address bits was read in edk2’s source and not compared with a machine`;
  }
  const minor = /^\d+\.\d+/.exec(version)?.[0] ?? '0';
  const { from, to } = COMPARED_QEMU;
  if (compareVersions(minor, from) < 0 || compareVersions(minor, to) > 0) {
    return `What PlatformPei finds of a machine of QEMU ${version} was not compared; it was from ${from} to ${to}`;
  }
  return undefined;
}
