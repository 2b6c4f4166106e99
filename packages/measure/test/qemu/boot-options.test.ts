import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defaultHasher, hash, toHex } from '../../src/index.ts';
import { predictBootOptions } from '../../src/predict/boot-options.ts';
import { findBootDevices } from '../../src/qemu/boot-devices.ts';
import type { MachineDescription } from '../../src/qemu/machine-description.ts';
import { ovmfRules } from '../../src/qemu/ovmf-rules.ts';
import { machineDescription } from './make-machine.ts';

interface Runs {
  builds: Record<string, string>;
  runs: { name: string; build: string; machine: Partial<MachineDescription>; options: string[] }[];
}

const { builds, runs } = JSON.parse(
  readFileSync(new URL('./boot-options.json', import.meta.url), 'utf8'),
) as Runs;
const half = (bytes: Uint8Array) => toHex(hash(defaultHasher, 'sha256', bytes)).slice(0, 16);

describe('predictBootOptions() makes what firmware made', () => {
  it.each(runs)('$name on $build', ({ build, machine, options }) => {
    const description = machineDescription(machine);
    const rules = ovmfRules(builds[build]) ?? expect.fail();
    const { devices, unknown } = findBootDevices(description);
    expect(unknown).toEqual([]);
    const made = predictBootOptions(rules, devices, description.directBoot !== undefined);
    const shown = made.options.map(({ name, data }) => `${name} ${half(data)}`);
    expect([`BootOrder ${half(made.order)}`, ...shown]).toEqual(options);
  });
});

describe('findBootDevices()', () => {
  it('names a device that it does not know', () => {
    const { unknown } = findBootDevices(
      machineDescription({ devices: [{ kind: 'other', driver: 'pvscsi' }] }),
    );
    expect(unknown).toEqual(['what the device "pvscsi" makes bootable']);
  });

  it('names a card whose option ROM may make options of its own', () => {
    const card = { kind: 'network', model: 'rtl8139', mac: '52:54:00:00:00:01', optionRom: true } as const;
    expect(findBootDevices(machineDescription({ devices: [card] })).unknown).toHaveLength(1);
    const disk = { kind: 'disk', interface: 'virtio-blk', bootIndex: 0 } as const;
    expect(findBootDevices(machineDescription({ devices: [disk, card] })).unknown).toEqual([]);
  });
});
