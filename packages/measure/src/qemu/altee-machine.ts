import type { MachineDescription } from './machine-description.ts';

/** What a manifest chooses of the machine that altee itself boots. */
export interface AlteeMachine {
  readonly qemuVersion: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly tpm: 'crb' | 'tis';
  readonly network: boolean;
  /** Builds with Secure Boot need system management mode. */
  readonly smm?: 'on' | 'off' | undefined;
  /** Absent: whatever works where the machine is started. */
  readonly accelerator?: 'tcg' | 'kvm' | undefined;
  /** `max` by default, QEMU's own; another makes another machine. */
  readonly cpu?: string | undefined;
}

/** Always the same machine: the UUID reaches SMBIOS, which some stubs measure. */
const MACHINE_UUID = 'a17ee000-0000-4000-8000-000000000001';
const MAC_ADDRESS = '52:54:00:a1:7e:e0';

/**
 * The machine whose measurements move least: no default devices, one disk that the firmware boots by its boot index,
 * a network card without an option ROM and only where there is a network, one serial port, a fixed UUID.
 */
export function alteeMachine({ network, cpu, ...rest }: AlteeMachine): MachineDescription {
  return {
    ...rest,
    machineType: 'q35',
    cpu: cpu ?? 'max',
    defaultDevices: false,
    serialPorts: 1,
    uuid: MACHINE_UUID,
    devices: [
      { kind: 'disk', interface: 'virtio-blk', bootIndex: 0 },
      ...(network
        ? [{ kind: 'network', model: 'virtio-net-pci', mac: MAC_ADDRESS, optionRom: false } as const]
        : []),
    ],
  };
}
