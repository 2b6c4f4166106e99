import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQemuCommand } from '../../src/qemu/parse-qemu-command.ts';
import { type MachinePaths, qemuArguments } from '../../src/qemu/qemu-arguments.ts';
import { haveVectors, vectorJson, vectorPath } from '../vectors.ts';
import { machineDescription } from './make-machine.ts';

const parse = (words: string) =>
  parseQemuCommand(['qemu-system-x86_64', ...words.split(' ').filter(Boolean)], '10.0');
const paths: MachinePaths = {
  accelerator: 'tcg',
  firmwareCode: '/code.fd',
  firmwareVariables: '/vars.fd',
  tpmSocket: '/tpm',
  disks: ['/a', '/b,c', '/d', '/e', '/f', '/g'],
  kernel: '/kernel',
  initrd: '/initrd',
};

describe('parseQemuCommand()', () => {
  it('reads back every machine that qemuArguments() writes', () => {
    const machine = machineDescription({
      vcpus: 2,
      maxVcpus: 4,
      topology: 'sockets=1,cores=4',
      smm: 'on',
      uuid: 'a17ee000-0000-4000-8000-000000000001',
      smbios: ['type=11,value=a,,b'],
      boot: 'menu=on',
      directBoot: { initrd: true, commandLine: 'quiet' },
      devices: [
        { kind: 'root-port', id: 'rp1', chassis: 1, port: 2 },
        { kind: 'disk', interface: 'virtio-blk', behind: 'rp1', bootIndex: 3 },
        { kind: 'disk', interface: 'sata', unit: 2, serial: 's' },
        { kind: 'disk', interface: 'sata', media: 'cdrom', unit: 0 },
        { kind: 'disk', interface: 'nvme', serial: 'n', slot: 9 },
        { kind: 'scsi-controller', id: 's0' },
        { kind: 'disk', interface: 'scsi', controller: 's0', unit: 4 },
        { kind: 'network', model: 'virtio-net-pci', mac: '52:54:00:00:00:01', optionRom: false },
        { kind: 'other', driver: 'virtio-rng-pci' },
      ],
    });
    const parsed = parseQemuCommand(['qemu', ...qemuArguments(machine, paths)], machine.qemuVersion);
    expect(parsed.notUnderstood).toEqual([]);
    expect(parsed).toEqual({ ...machine, notUnderstood: [], devices: expect.anything() });
    machine.devices.forEach((device, index) => {
      expect(parsed.devices[index]).toMatchObject(device);
    });
    expect(qemuArguments(parsed, paths)).toEqual(qemuArguments(machine, paths));
  });

  it.each([
    ['-global driver=x,property=y,value=z', '-global driver=x,property=y,value=z'],
    ['-device vfio-pci,host=1', '-device vfio-pci,host=1'],
    ['-device virtio-blk-pci,drive=d,num-queues=4', '-device virtio-blk-pci,drive=d,num-queues=4'],
    ['-machine q35,hpet=off', '-machine q35,hpet=off'],
    ['-m size=1G,slots=2,maxmem=4G', '-m size=1G,slots=2,maxmem=4G'],
    ['-smbios file=x', '-smbios file=x'],
    ['-numa node', '-numa node'],
    ['-bios x.fd', '-bios x.fd'],
    ['stray', 'stray'],
    ['-frobnicate -nodefaults', '-frobnicate'],
    ['-cpu', '-cpu'],
  ])('names "%s" instead of ignoring it', (words, named) => {
    expect(parse(words).notUnderstood).toEqual([named]);
  });

  it.each([
    ['', 'tcg'],
    ['-accel tcg,thread=single', 'tcg'],
    ['-M q35,accel=tcg', 'tcg'],
    ['-enable-kvm', 'kvm'],
    ['-accel kvm', 'kvm'],
    ['-machine q35,accel=kvm:tcg', 'kvm'],
  ])('tells of "%s" that %s runs the processors', (words, accelerator) => {
    expect(parse(words)).toMatchObject({ accelerator, notUnderstood: [] });
  });

  it('does not understand other accelerators', () => {
    expect(parse('-accel whpx').notUnderstood).toEqual(['-accel whpx']);
    expect(parse('-M q35,accel=hvf').notUnderstood).toEqual(['-M q35,accel=hvf']);
  });

  it('knows the card that QEMU adds by itself, and what keeps it away', () => {
    const card = { kind: 'network', model: 'e1000e', mac: '52:54:00:12:34:56', optionRom: true };
    expect(parse('-M q35').devices).toEqual([card]);
    expect(parse('-M q35 -net none').devices).toEqual([]);
    expect(parse('-M q35 -nodefaults').devices).toEqual([]);
  });

  it('puts a SATA disk without a bus where QEMU puts it', () => {
    const { devices, notUnderstood } = parse('-nodefaults -device ide-hd,drive=a -device ide-hd,drive=b');
    expect(devices).toMatchObject([{ interface: 'sata', unit: 5 }]);
    expect(notUnderstood).toEqual(['-device ide-hd,drive=b']);
  });

  it('never throws, and either understands a word or names it', () => {
    const word = fc.oneof(
      fc.constantFrom('-device', '-drive', '-smp', '-m', '-M', '-serial', '-nodefaults', '-cpu', '-x'),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        expect(parseQemuCommand(['qemu', ...words], '10.0').notUnderstood).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it.skipIf(!haveVectors)('understands every word of the commands that real boots were made with', () => {
    for (const boot of readdirSync(vectorPath('ovmf-boots'))) {
      const { qemu_cmd } = vectorJson<{ qemu_cmd: string[] }>('ovmf-boots', boot, 'config.json');
      expect(parseQemuCommand(qemu_cmd, '10.0').notUnderstood).toEqual([]);
    }
  });
});
