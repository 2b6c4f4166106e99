import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import {
  eventTypes,
  fromHex,
  type Machine,
  parseEventLog,
  parseQemuCommand,
  predictTpm,
  type QemuMachine,
  qemuMachine,
  toHex,
  withHostProcessor,
} from '../../src/index.ts';
import { variableGuids } from '../../src/uefi/variable.ts';
import { addVariables } from '../../src/uefi/variable-store.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { machineDescription } from '../qemu/make-machine.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';
import { emptyStore } from './empty-store.ts';

const TRIXIE = '624e06de18b4fa535e90db7160d00d3d07d206422b89999bf1e27d920264e4e0';
const EMPTY = '5d2ac383371b408398accee7ec27c8c09ea5b74a0de0ceea6513388b15be5d1e';
const cpu = {
  vendor: 'AuthenticAMD',
  physicalAddressBits: 40,
  guestPhysicalAddressBits: 0,
  gigabytePages: true,
  la57: true,
};
/** Made up: where real tables come from is tested with a real QEMU. */
const fwCfg = {
  'etc/table-loader': ascii('loader'),
  'etc/acpi/rsdp': ascii('rsdp'),
  'etc/tpm/log': new Uint8Array(16),
  'etc/acpi/tables': ascii('tables'),
  'etc/smbios/smbios-tables': fromHex(`011b0001${'00'.repeat(23)}4100007f0400ff0000`),
  'etc/smbios/smbios-anchor': ascii('_SM_'),
};
const uki = (stub: string) =>
  makeUki(stub, { '.osrel': ascii('o'), '.cmdline': ascii('c'), '.linux': makeKernel() });
const pcr1 = (machine: Partial<Machine>, stub = '257') =>
  predictTpm({
    uki: uki(stub),
    machine: { secureBoot: 'off', firmware: { codeSha256: TRIXIE, varsSha256: EMPTY }, ...machine },
  }).registers[1] ?? expect.fail();
const disk = { kind: 'disk', interface: 'virtio-blk', bootIndex: 0 } as const;
const qemu = (changes: Partial<QemuMachine> = {}): QemuMachine => ({
  ...qemuMachine(machineDescription({ devices: [disk] }), { cpu, fwCfg }),
  ...changes,
});

describe('predictPcr01()', () => {
  it('measures QEMU’s ACPI files in the order of its loader script, then the boot options, then the separator', () => {
    const { status, events } = pcr1({ qemu: qemu() });
    expect(status).toBe('predicted');
    expect(
      events.map(({ source }) => ('file' in source ? source.file : 'name' in source ? source.name : '')),
    ).toEqual([
      ...['etc/table-loader', 'etc/acpi/rsdp', 'etc/tpm/log', 'etc/acpi/tables'],
      ...['BootOrder', 'Boot0001', 'Boot0000', 'Boot0002'],
      '',
    ]);
  });

  it.each<[string, Partial<Machine>, RegExp]>([
    ['no machine', {}, /the machine is not described/],
    ['another firmware', { qemu: qemu(), firmware: { codeSha256: 'ff' } }, /this firmware/],
    ['a store that was not read', { qemu: qemu(), firmware: { codeSha256: TRIXIE } }, /variable store/],
    ['words that are not understood', { qemu: qemu({ unknown: ['"-x"'] }) }, /not all understood: "-x"/],
    [
      'a missing file',
      { qemu: qemu({ fwCfg: { ...fwCfg, 'etc/tpm/log': undefined as never } }) },
      /etc\/tpm\/log/,
    ],
  ])('says what is missing: %s', (_what, machine, reason) => {
    const answer = pcr1(machine);
    expect(answer.status).toBe('host-dependent');
    expect(answer.reason).toMatch(reason);
  });

  it('does not claim to know a store whose boot order names what is not there', () => {
    const bootOrder = {
      guid: variableGuids.global,
      name: 'BootOrder',
      attributes: 7,
      data: new Uint8Array(2),
    };
    const vars = addVariables(emptyStore(), [bootOrder]);
    const answer = pcr1({ qemu: qemu(), firmware: { codeSha256: TRIXIE, vars } });
    expect(answer.status).toBe('unpredictable');
    expect(answer.reason).toMatch(/names Boot0000, which is not there/);
    expect(pcr1({ qemu: qemu(), firmware: { codeSha256: TRIXIE, vars: emptyStore() } }).status).toBe(
      'predicted',
    );
  });

  it('calls a machine assumed whose like was never booted', () => {
    const wide = { ...cpu, physicalAddressBits: 46 };
    const machine = qemuMachine(machineDescription({ devices: [disk], qemuVersion: '9.2.0' }), {
      cpu: wide,
      fwCfg,
    });
    const answer = pcr1({ qemu: machine });
    expect(answer.status).toBe('assumed');
    expect(answer.reason).toMatch(/release of QEMU; a processor whose/);
  });

  it('is only assumed where it is not said that QEMU emulates the processor, and not known under KVM', () => {
    const under = (changes: Parameters<typeof machineDescription>[0]) =>
      pcr1({ qemu: qemuMachine(machineDescription({ devices: [disk], ...changes }), { cpu, fwCfg }) });
    expect(under({ accelerator: undefined })).toMatchObject({
      status: 'assumed',
      reason: expect.stringContaining('TCG'),
    });
    expect(under({ accelerator: 'kvm', cpu: 'EPYC' })).toMatchObject({
      status: 'assumed',
      reason: expect.stringContaining('KVM'),
    });
    for (const model of ['host', 'max,phys-bits=40'])
      expect(under({ accelerator: 'kvm', cpu: model })).toMatchObject({
        status: 'host-dependent',
        reason: expect.stringContaining('the host’s'),
      });
  });

  it('adds SMBIOS structures where the stub does, and says so where that is not known', () => {
    const stub262 = pcr1({ qemu: qemu() }, '262').events.at(-1);
    expect(stub262?.eventType).toBe('EV_EVENT_TAG');
    expect(pcr1({ qemu: qemu() }, '261').status).toBe('not-predicted');
    expect(pcr1({ qemu: qemu() }, '259').status).toBe('assumed');
    expect(pcr1({ qemu: qemu() }, '257').events.at(-1)?.eventType).toBe('EV_SEPARATOR');
  });
});

describe('withHostProcessor()', () => {
  it('takes back what follows from the processor, and nothing else', () => {
    const prediction = predictTpm({
      uki: uki('257'),
      machine: { secureBoot: 'off', firmware: { codeSha256: TRIXIE, varsSha256: EMPTY }, qemu: qemu() },
    });
    const changed = withHostProcessor(prediction).registers;
    expect(prediction.registers[1]?.status).toBe('predicted');
    expect(changed[1]).toMatchObject({ status: 'host-dependent', values: {}, events: [] });
    expect(changed[1]?.reason).toContain('KVM');
    expect(changed.toSpliced(1, 1)).toEqual(prediction.registers.toSpliced(1, 1));
  });
});

interface Boot {
  firmware_sha256: string;
  qemu_version: string;
  qemu_cmd: string[];
  stub: string;
}

describe.skipIf(!haveVectors)('predictPcr01() agrees with real boots but for QEMU’s own tables', () => {
  for (const boot of haveVectors ? readdirSync(vectorPath('ovmf-boots')) : []) {
    it(boot, () => {
      const config = vectorJson<Boot>('ovmf-boots', boot, 'config.json');
      const log = parseEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin'));
      const description = parseQemuCommand(config.qemu_cmd, config.qemu_version);
      const hasGpt = log.events.some((event) => event.untrustedEventType === eventTypes.EV_EFI_GPT_EVENT);
      const { events } = pcr1(
        {
          ...(hasGpt ? {} : { disk: 'unpartitioned' as const }),
          firmware: { codeSha256: config.firmware_sha256, varsSha256: EMPTY },
          qemu: qemuMachine(description, { cpu, fwCfg }),
        },
        config.stub,
      );
      const seen = log.events.filter(({ registerIndex }) => registerIndex === 1);
      expect(events.map(({ eventType }) => eventTypes[eventType as keyof typeof eventTypes])).toEqual(
        seen.map(({ untrustedEventType }) => untrustedEventType),
      );
      events.forEach((event, index) => {
        if (event.dataIsExact)
          expect(toHex(event.data)).toBe(toHex(seen[index]?.untrustedData ?? fromHex('')));
        if (event.stage !== 'boot-variables' && event.stage !== 'separators') return;
        expect(toHex(event.digests.sha256 ?? fromHex(''))).toBe(
          toHex(seen[index]?.digests.get('sha256') ?? fromHex('')),
        );
      });
    });
  }
});
