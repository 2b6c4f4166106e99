import type { MachineDescription } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { silentReporter } from '../../src/report.ts';
import { runFirmware } from '../../src/run/firmware-run.ts';

const description: MachineDescription = {
  qemuVersion: '10.0',
  machineType: 'q35',
  cpu: 'max',
  vcpus: 1,
  memoryMib: 512,
  defaultDevices: false,
  serialPorts: 1,
  tpm: 'crb',
  devices: [{ kind: 'disk', interface: 'virtio-blk' }],
};
const options = {
  root: { digest: '', path: '/nonexistent' },
  description,
  accelerator: 'tcg',
  firmware: { code: '/nonexistent/code.fd', variables: '/nonexistent/vars.fd' },
  disks: ['/nonexistent/disk'],
  reporter: silentReporter,
} as const;

describe('runFirmware()', () => {
  it('refuses a machine without a TPM', async () => {
    const machine = { ...description, tpm: undefined };
    await expect(runFirmware({ ...options, description: machine })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('without a TPM'),
    });
  });

  it('refuses another number of disks than the machine has', async () => {
    await expect(runFirmware({ ...options, disks: [] })).rejects.toMatchObject({
      code: 'invalid-input',
      message: 'The machine wants files for its disks: 1, and 0 were given',
    });
  });
});
