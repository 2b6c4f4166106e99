import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type EventTypeName,
  type Hasher,
  type HashName,
  hashNames,
  type Machine,
  type PredictedEvent,
  parseEventLog,
  predictTpm,
  type RegisterPrediction,
  toHex,
} from '../../src/index.ts';
import type { QemuMachine } from '../../src/predict/machine.ts';
import { eventTypes } from '../../src/tcg/event-type.ts';
import { makeUki } from '../make-pe.ts';
import { haveOvmf, type OvmfPackage, ovmfFile } from '../ovmf-files.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';

const hasher: Hasher = (algorithm) => createHash(algorithm);
const uki = makeUki('257', {});

function pcr0(
  firmware: Machine['firmware'],
  qemu: QemuMachine | undefined,
  banks?: readonly HashName[],
): RegisterPrediction {
  const machine: Machine = { secureBoot: 'off', firmware, qemu };
  return predictTpm({ uki, machine, ...(banks ? { banks } : {}) }, hasher).registers[0] ?? expect.fail();
}

function machine(facts: Partial<QemuMachine> & { intel?: boolean } = {}): QemuMachine {
  const { intel = false, ...rest } = facts;
  return {
    version: '10.0.13',
    chipset: 'q35',
    memoryMib: 512,
    vcpus: 1,
    cpu: { vendor: intel ? 'GenuineIntel' : 'AuthenticAMD', physicalAddressBits: 40 },
    fwCfg: {},
    bootDevices: [],
    hasBootIndex: false,
    directBoot: false,
    ...rest,
  };
}

function digestOf(register: RegisterPrediction, index: number, bank: HashName = 'sha256'): string {
  return toHex(
    register.events[index]?.digests[bank] ?? expect.fail(`${register.status}: ${register.reason}`),
  );
}

interface Boot {
  firmware: string;
  firmware_sha256: string;
  qemu_version: string;
  qemu_cmd: string[];
}

const releases: Readonly<Record<string, OvmfPackage>> = {
  bookworm: '2022.11',
  trixie: '2025.02',
  forky: '2026.08',
};

describe.skipIf(!haveVectors || !haveOvmf)('predictPcr00() equals real OVMF boots', () => {
  for (const boot of haveVectors ? readdirSync(vectorPath('ovmf-boots')) : []) {
    const config = vectorJson<Boot>('ovmf-boots', boot, 'config.json');
    const [, release = '', file = ''] = config.firmware.split('/');
    const movesSmram = release !== 'bookworm' && file.includes('secboot');

    it(`in ${boot}`, async () => {
      const option = (name: string) => config.qemu_cmd[config.qemu_cmd.indexOf(name) + 1] ?? expect.fail();
      const memory = option('-m');
      const qemu = machine({
        version: config.qemu_version,
        memoryMib: Number.parseInt(memory, 10) * (memory.endsWith('G') ? 1024 : 1),
        vcpus: Number(option('-smp')),
        intel: option('-cpu') !== 'max',
      });
      const code = await ovmfFile(releases[release] ?? expect.fail(), file);
      const register = pcr0({ code, codeSha256: config.firmware_sha256 }, qemu);
      if (movesSmram) {
        expect(register.status).toBe('unpredictable');
        expect(register.reason).toContain('--run-firmware');
        expect(register.values).toEqual({});
        return;
      }
      expect(register.status).toBe('predicted');
      const observed = parseEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin')).events.filter(
        ({ registerIndex, untrustedEventType }) =>
          registerIndex === 0 && untrustedEventType !== eventTypes.EV_NO_ACTION,
      );
      expect(register.events.map(show)).toEqual(
        observed.map(({ untrustedEventType, digests, untrustedData }) => ({
          type: untrustedEventType,
          data: toHex(untrustedData),
          digests: Object.fromEntries([...digests].map(([bank, digest]) => [bank, toHex(digest)])),
        })),
      );
      const values = vectorJson<Record<HashName, Record<string, string>>>(
        'ovmf-boots',
        boot,
        'pcrs-guest.json',
      );
      for (const bank of hashNames) {
        expect(toHex(register.values[bank] ?? expect.fail())).toBe(values[bank]['0']);
      }
    });
  }
});

function show({ eventType, data, digests }: PredictedEvent) {
  return {
    type: eventTypes[eventType as EventTypeName],
    data: toHex(data),
    digests: Object.fromEntries(Object.entries(digests).map(([bank, digest]) => [bank, toHex(digest)])),
  };
}
