import { describe, expect, it } from 'vitest';
import { type Machine, machineArguments } from '../../src/run/machine.ts';

const machine: Machine = {
  accelerator: 'tcg',
  vcpus: 2,
  memoryMib: 512,
  firmwareCode: '/code.fd',
  firmwareVariables: '/build/variables.fd',
  disk: '/src/disk',
  tpm: { interface: 'crb', socket: '/build/tpm.sock' },
  qmpSocket: '/build/qmp.sock',
};
const valuesOf = (args: readonly string[], option: string) =>
  args.flatMap((arg, at) => (arg === option ? [args[at + 1]] : []));

describe('machineArguments()', () => {
  it('gives the machine nothing but flash, TPM, one disk and the console', () => {
    const args = machineArguments(machine);
    expect(args).toContain('-nodefaults');
    expect(args).toContain('-no-user-config');
    expect(valuesOf(args, '-device')).toEqual([
      'tpm-crb,tpmdev=tpm',
      'virtio-blk-pci,drive=disk,bootindex=0',
    ]);
    expect(valuesOf(args, '-drive')).toEqual([
      'if=pflash,unit=0,format=raw,readonly=on,file=/code.fd',
      'if=pflash,unit=1,format=raw,file=/build/variables.fd',
      'if=none,id=disk,format=raw,readonly=on,file=/src/disk',
    ]);
    expect(args).not.toContain('-netdev');
  });

  it('forwards from the loopback only, through a card without an option ROM', () => {
    const forwards = [{ protocol: 'tcp', hostPort: 8080, guestPort: 80 }] as const;
    const args = machineArguments({ ...machine, network: { forwards } });
    expect(valuesOf(args, '-netdev')).toEqual(['user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:8080-:80']);
    expect(valuesOf(args, '-device').at(-1)).toMatch(/^virtio-net-pci,.*,romfile=$/);
  });

  it('writes a comma in a path twice, so that it stays one value', () => {
    const [, , disk] = valuesOf(machineArguments({ ...machine, disk: '/a,snapshot=on' }), '-drive');
    expect(disk).toBe('if=none,id=disk,format=raw,readonly=on,file=/a,,snapshot=on');
  });

  it('keeps the address width of TCG under KVM', () => {
    expect(valuesOf(machineArguments(machine), '-cpu')).toEqual(['max']);
    const kvm = machineArguments({ ...machine, accelerator: 'kvm' });
    expect(valuesOf(kvm, '-cpu')).toEqual(['host,host-phys-bits=off,phys-bits=40']);
  });
});
