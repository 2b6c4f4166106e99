import { alteeMachine, qemuArguments } from '@altee/measure';

/** A port of the host's loopback that leads to a port of the guest. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
  readonly guestPort: number;
}

/** The virtual machine, as far as it is ours to choose; the rest is `alteeMachine`. Paths are inside the root. */
export interface Machine {
  readonly accelerator: 'kvm' | 'tcg';
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly firmwareCode: string;
  /** A copy of the variable store; the firmware writes to it. */
  readonly firmwareVariables: string;
  readonly disk: string;
  /** System management mode, which firmware that enforces Secure Boot needs. */
  readonly smm?: boolean;
  readonly tpm: { readonly interface: 'crb' | 'tis'; readonly socket: string };
  /** Absent: the machine has no network card. */
  readonly network?: { readonly forwards: readonly Forward[] };
  readonly qmpSocket: string;
}

/**
 * TCG: QEMU's own, and therefore as fixed as the QEMU that the lock pins. KVM: the host's processor with the
 * address width of TCG's, on which the firmware's memory map and so its ACPI tables depend.
 */
const CPU = { tcg: 'max', kvm: 'host,host-phys-bits=off,phys-bits=40' } as const;

/** QEMU's arguments for altee's own machine. The serial port is standard input and output. */
export function machineArguments(machine: Machine): string[] {
  const description = alteeMachine({
    qemuVersion: '', // No argument depends on it.
    vcpus: machine.vcpus,
    memoryMib: machine.memoryMib,
    tpm: machine.tpm.interface,
    network: machine.network !== undefined,
    cpu: CPU[machine.accelerator],
    ...(machine.smm ? { smm: 'on' } : {}),
  });
  const forwards = machine.network?.forwards.map(
    ({ protocol, hostPort, guestPort }) => `${protocol}:127.0.0.1:${hostPort}-:${guestPort}`,
  );
  return qemuArguments(description, {
    accelerator: machine.accelerator,
    firmwareCode: machine.firmwareCode,
    firmwareVariables: machine.firmwareVariables,
    tpmSocket: machine.tpm.socket,
    disks: [machine.disk],
    serial: ['stdio,signal=off'],
    forwards,
    qmpSocket: machine.qmpSocket,
  });
}
