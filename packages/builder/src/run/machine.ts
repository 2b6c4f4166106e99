/** A port of the host's loopback that leads to a port of the guest. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp';
  readonly hostPort: number;
  readonly guestPort: number;
}

/** The virtual machine, as far as it is ours to choose; everything else is fixed below. Paths are inside the root. */
export interface Machine {
  readonly accelerator: 'kvm' | 'tcg';
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly firmwareCode: string;
  /** A copy of the variable store; the firmware writes to it. */
  readonly firmwareVariables: string;
  readonly disk: string;
  readonly tpm: { readonly interface: 'crb' | 'tis'; readonly socket: string };
  /** Absent: the machine has no network card. */
  readonly network?: { readonly forwards: readonly Forward[] };
  readonly qmpSocket: string;
}

/** Always the same machine: the UUID reaches SMBIOS, which some stubs measure. */
const MACHINE_UUID = 'a17ee000-0000-4000-8000-000000000001';
const MAC_ADDRESS = '52:54:00:a1:7e:e0';

/**
 * TCG: QEMU's own, and therefore as fixed as the QEMU that the lock pins. KVM: the host's processor with the
 * address width of TCG's, on which the firmware's memory map and so its ACPI tables depend.
 */
const CPU = { tcg: 'max', kvm: 'host,host-phys-bits=off,phys-bits=40' } as const;

/**
 * QEMU's arguments for the machine whose measurements move least: no default devices, one disk that the firmware
 * boots by its boot index, a network card without an option ROM and only where there is a network, firmware in
 * read-only flash. The serial port is standard input and output. A reset ends QEMU.
 */
export function machineArguments(machine: Machine): string[] {
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-machine', `q35,accel=${machine.accelerator}`],
    ...['-cpu', CPU[machine.accelerator]],
    ...['-smp', String(machine.vcpus)],
    ...['-m', `${machine.memoryMib}M`],
    ...['-uuid', MACHINE_UUID],
    ...[
      '-drive',
      drive({ if: 'pflash', unit: 0, format: 'raw', readonly: 'on', file: machine.firmwareCode }),
    ],
    ...['-drive', drive({ if: 'pflash', unit: 1, format: 'raw', file: machine.firmwareVariables })],
    ...['-chardev', `socket,id=tpm,path=${escaped(machine.tpm.socket)}`],
    ...['-tpmdev', 'emulator,id=tpm,chardev=tpm'],
    ...['-device', `tpm-${machine.tpm.interface},tpmdev=tpm`],
    ...['-drive', drive({ if: 'none', id: 'disk', format: 'raw', readonly: 'on', file: machine.disk })],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=0'],
    ...networkCard(machine),
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-qmp', `unix:${escaped(machine.qmpSocket)},server=on,wait=off`],
  ];
}

function networkCard({ network }: Machine): string[] {
  if (network === undefined) return [];
  const forwards = network.forwards.map(
    ({ protocol, hostPort, guestPort }) => `,hostfwd=${protocol}:127.0.0.1:${hostPort}-:${guestPort}`,
  );
  return [
    '-netdev',
    `user,id=net,restrict=on${forwards.join('')}`,
    '-device',
    `virtio-net-pci,netdev=net,mac=${MAC_ADDRESS},romfile=`,
  ];
}

function drive(options: Readonly<Record<string, string | number>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}=${escaped(String(value))}`)
    .join(',');
}

/** QEMU's option syntax (qemu-options, "Option value escaping"): a comma is written twice. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
