import type { MachineDescription } from '../../src/qemu/machine-description.ts';

/** A small q35 machine without devices, changed as the test needs it. */
export function machineDescription(changes: Partial<MachineDescription> = {}): MachineDescription {
  return {
    qemuVersion: '10.0.13',
    machineType: 'q35',
    accelerator: 'tcg',
    cpu: 'max',
    vcpus: 1,
    memoryMib: 512,
    defaultDevices: false,
    serialPorts: 1,
    tpm: 'crb',
    devices: [],
    ...changes,
  };
}
