import { describe, expect, it } from 'vitest';
import { alteeMachine, fragileFacts, type MachineDescription } from '../../src/index.ts';
import { machineDescription } from '../qemu/make-machine.ts';

const disk = { kind: 'disk', interface: 'sata', bootIndex: 0 } as const;
const card = {
  kind: 'network',
  model: 'virtio-net-pci',
  mac: '52:54:00:00:00:01',
  optionRom: false,
} as const;
const stable = { machineType: 'pc-q35-10.0', cpu: 'EPYC-v4', uuid: 'x', devices: [disk] } as const;
const facts = (changes: Partial<MachineDescription>, stubVersion?: number) =>
  fragileFacts(machineDescription({ ...stable, ...changes }), { stubVersion }).map(({ fact }) => fact);

describe('fragileFacts()', () => {
  it('finds nothing in a machine that has only what it needs', () => {
    expect(facts({})).toEqual([]);
  });

  it.each<[string, Partial<MachineDescription>, RegExp]>([
    ['an option ROM', { devices: [disk, { ...card, optionRom: true }] }, /option ROM/],
    ['a card without boot indexes', { devices: [card] }, /no boot index/],
    ['a card that boots', { devices: [{ ...card, bootIndex: 1 }] }, /card has a boot index/],
    [
      'a disk without boot index',
      { devices: [{ ...disk, bootIndex: undefined }] },
      /boot disk has no boot index/,
    ],
    ['a 64-bit BAR', { devices: [disk, card] }, /64-bit BAR/],
    ['the host’s processor', { cpu: 'host,phys-bits=40' }, /CPU model/],
    ['default devices', { defaultDevices: true }, /default devices/],
    ['a type without version', { machineType: 'q35' }, /no version/],
    ['no UUID', { uuid: undefined }, /no UUID/],
    ['strings for the stub', { smbios: ['type=11,value=x'] }, /SMBIOS strings/],
    [
      'a command line from the host',
      { smbios: ['type=11,value=io.systemd.stub.kernel-cmdline-extra=a'] },
      /command line by SMBIOS/,
    ],
    ['unknown words', { notUnderstood: ['-x'] }, /not understood/],
  ])('names %s', (_what, changes, fact) => {
    expect(facts(changes).some((each) => fact.test(each))).toBe(true);
  });

  it('leaves the UUID alone where the stub does not measure it', () => {
    expect(facts({ uuid: undefined }, 257)).toEqual([]);
  });

  it('finds in altee’s own machine only what the lock pins', () => {
    const machine = alteeMachine({
      qemuVersion: '10.0.13',
      vcpus: 1,
      memoryMib: 512,
      tpm: 'crb',
      network: true,
    });
    expect(fragileFacts(machine).map(({ fact }) => fact)).toEqual([
      'a device has a 64-bit BAR',
      'the CPU model is "host" or "max"',
      'the machine type has no version',
    ]);
  });
});
