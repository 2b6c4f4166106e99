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
import { hasOvmf, haveOvmf, type OvmfPackage, ovmfFile } from '../ovmf-files.ts';
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

const S3_OFF = Uint8Array.of(0x80, 0, 0, 0x01, 0x80, 0x80);
const CONTROL = new TextEncoder().encode('ABCDEFGH');

/**
 * SHA-256 of the PEI volume as swtpm received it from the firmware alone, under QEMU 10.0.13 with TCG where no other version is named. The processors
 * were `max` and EPYC, and of Intel's Skylake-Server, Haswell and Cascadelake-Server.
 */
const runs: readonly {
  readonly package: OvmfPackage;
  readonly file: string;
  readonly pei: string;
  readonly machine: Partial<QemuMachine> & { intel?: boolean };
}[] = [
  ...(
    [
      ['76bbfa881e8b9956ce0a732a4866565c5a486c87c94220852eb476b30e5738cc', { memoryMib: 2048, vcpus: 2 }],
      ['0cf36ee630dcdedd8e96154581bba196cdec0f3bd0bde9b9bf8c295c010d5e8c', { memoryMib: 2304 }],
      ['010c0efb3c851c8c0de3e17f039460d5cad68c60721e5dcb1f1078ab5d39d1eb', { memoryMib: 2815, vcpus: 3 }],
      ['4c021933a6f530fb027434476cf80cddade4eb63f7334fa380baf53c4c25ca48', { memoryMib: 2816 }],
      [
        '572ace45052accc33002f1a0315acd43ddb1717e2fa20f2be46a917ae354dc85',
        { memoryMib: 4096, vcpus: 4, intel: true },
      ],
      ['76bbfa881e8b9956ce0a732a4866565c5a486c87c94220852eb476b30e5738cc', { memoryMib: 8192, vcpus: 2 }],
      ['54996ef95acf6753ac26c7534c5c42ac03465caffcdbc1bace576421b64ccd6c', { memoryMib: 18432, intel: true }],
      ['d83810f79ec8c7d69b584d09320d51c4c575c1b056b2c92f77e11babd89c4360', { memoryMib: 40960, intel: true }],
      ['002b5679fa4b65fb2b48fd6a15b95f2a268ec34ddd6156bd3aec37a790d9ae83', { memoryMib: 40960 }],
      [
        'bddab8e4c06944704c55b48834b05b48961950ca7065049d877482858a02c8b3',
        { memoryMib: 1024, vcpus: 2, maxVcpus: 5 },
      ],
      [
        '1dd4ded32b5b97d369272b66f851f51a3e687b2b377a818c275a10c1a40482f2',
        { memoryMib: 1024, fwCfg: { 'etc/system-states': S3_OFF } },
      ],
      [
        '0c8df04fb2b75900bf2e793143a05d79ec56f3e22c944fd2033fa6973d70ddda',
        { memoryMib: 1024, intel: true, fwCfg: { 'etc/msr_feature_control': CONTROL } },
      ],
      [
        '1f4944324787408a8f6cb27ed8a50bb6d8a73c9d094c690a0d897444ecde553a',
        {
          memoryMib: 1024,
          intel: true,
          fwCfg: { 'opt/ovmf/X-PciMmio64Mb': new TextEncoder().encode('65536') },
        },
      ],
      // -m 1G,slots=2,maxmem=100G: 4 GiB, 99 GiB that can be plugged in, and 1 GiB for each slot.
      [
        '7acae0f13405e6e38c09c29c4b28195ce5bfc66786fad7869f39a3e23ad05eb2',
        { memoryMib: 1024, intel: true, fwCfg: { 'etc/reserved-memory-end': u64(105n << 30n) } },
      ],
      [
        '96cb4eb9e201960651df5331dd773a8d985ccb4f838ca7d6a5bce7ab2b99c774',
        { chipset: 'pc', memoryMib: 1024 },
      ],
      [
        '8da331597cb131f5a7d4742b39e8fc19270f4a7b6f677e1414782af131c4380d',
        { chipset: 'pc', memoryMib: 4096, vcpus: 2 },
      ],
      [
        '4e487a0fb55dceb4abf006eeceafc708a2c44962eb0a0ba051c94903c43faf70',
        { chipset: 'pc', memoryMib: 3300, vcpus: 3, intel: true },
      ],
    ] as const
  ).map(([pei, facts]) => ({ package: '2022.11' as const, file: 'OVMF_CODE_4M.fd', pei, machine: facts })),
  ...(
    [
      ['dfbd6232dd35f608f76a15cfe1d294c886151f689ca201b47dd7839f54899d13', { machineType: 'pc-q35-5.0' }],
      ['61d846d335d466779fc80422b21d3186dd00772b02ea8b494a9817f518ae4b9b', { machineType: 'pc-q35-4.2' }],
      ['61d846d335d466779fc80422b21d3186dd00772b02ea8b494a9817f518ae4b9b', { machineType: 'pc-q35-2.12' }],
      [
        '065bed17804afa640e4bd4424339ee43e24aaf0a24d10068bc39a4721af3b0db',
        { memoryMib: 3072, vcpus: 2, intel: true },
      ],
      ['b878e423fc24e55f78b2b37e3a7ba4deeee0f2061087a0b5d83487180383e61c', { memoryMib: 2304, vcpus: 4 }],
      [
        '046992ac8a4b7fd2a0aa6d0cf580d0e0c779b028a3bbb9302fcc120213a4598c',
        { memoryMib: 700, fwCfg: { 'etc/msr_feature_control': CONTROL } },
      ],
    ] as const
  ).map(([pei, facts]) => ({
    package: '2022.11' as const,
    file: 'OVMF_CODE_4M.secboot.fd',
    pei,
    machine: facts,
  })),
  {
    package: '2022.11',
    file: 'OVMF_CODE.fd',
    pei: '8bb8905a47c8e299015674aaad7c962bd93477eba2f85d30974e6b3dce64faac',
    machine: {},
  },
  {
    package: '2022.11',
    file: 'OVMF.fd',
    pei: '8bb8905a47c8e299015674aaad7c962bd93477eba2f85d30974e6b3dce64faac',
    machine: {},
  },
  {
    package: '2022.11',
    file: 'OVMF_CODE.fd',
    pei: 'fe989272c3d3d516fb8810ca026024a08c3b2e529b48af2ccdd16ccba90221d2',
    machine: { memoryMib: 3072, vcpus: 2, intel: true },
  },
  {
    package: '2025.02',
    file: 'OVMF_CODE_4M.fd',
    pei: '448113fdbd7054a1504acf913bf8d7d90ae2d1246ae1c9aab50490e539c242e7',
    machine: { chipset: 'pc' },
  },
  {
    package: '2025.02',
    file: 'OVMF.fd',
    pei: 'a386f05738e11e7b8c253dc47b96bfc66d3d9ce62ee7b30ee3d4a6c5215e7e4e',
    machine: {},
  },
  {
    package: '2025.02',
    file: 'OVMF_CODE_4M.fd',
    pei: 'a386f05738e11e7b8c253dc47b96bfc66d3d9ce62ee7b30ee3d4a6c5215e7e4e',
    machine: {
      memoryMib: 2304,
      vcpus: 3,
      fwCfg: { 'etc/msr_feature_control': CONTROL, 'etc/system-states': S3_OFF },
    },
  },
  {
    package: '2026.08',
    file: 'OVMF_CODE_4M.fd',
    pei: '10e48f005bc9f46830c4596b9ab6f8d0b98427f08e17d6d0e6eef582a7b12512',
    machine: { chipset: 'pc' },
  },
  {
    package: '2026.08',
    file: 'OVMF.fd',
    pei: '10e48f005bc9f46830c4596b9ab6f8d0b98427f08e17d6d0e6eef582a7b12512',
    machine: { memoryMib: 40960, vcpus: 8 },
  },
  {
    package: '2026.08-legacy',
    file: 'OVMF.legacy.fd',
    pei: '10e48f005bc9f46830c4596b9ab6f8d0b98427f08e17d6d0e6eef582a7b12512',
    machine: {},
  },
  ...(
    [
      ['209a142d6b9fdfac60a61e23b52f872d35db6702bb7b428b1c1e665bd25bb3be', { memoryMib: 6144, vcpus: 4 }],
      [
        'cd8eeeff25d52f91984005511b1f44fe32676420e6530bcbf0da25ea38a105dc',
        { chipset: 'pc', memoryMib: 2560, intel: true },
      ],
    ] as const
  ).map(([pei, facts]) => ({
    package: '2022.11' as const,
    file: 'OVMF_CODE_4M.fd',
    pei,
    machine: { version: '11.1.3', ...facts },
  })),
  {
    // Boards of 10.2 and later keep 64 MiB for system management mode.
    package: '2022.11',
    file: 'OVMF_CODE_4M.secboot.fd',
    pei: '6c031efea3244cdf40b104f0c03721be87715b0512f942e1f471853fb606b03c',
    machine: { version: '11.1.3', memoryMib: 4096, vcpus: 2, intel: true },
  },
  {
    package: '2025.02',
    file: 'OVMF_CODE_4M.fd',
    pei: '448113fdbd7054a1504acf913bf8d7d90ae2d1246ae1c9aab50490e539c242e7',
    machine: { version: '11.1.3', chipset: 'pc', memoryMib: 2816, vcpus: 2 },
  },
  {
    package: '2026.08',
    file: 'OVMF_CODE_4M.fd',
    pei: '10e48f005bc9f46830c4596b9ab6f8d0b98427f08e17d6d0e6eef582a7b12512',
    machine: { version: '11.1.3', memoryMib: 1000, intel: true },
  },
  {
    package: '2022.11',
    file: 'OVMF_CODE_4M.fd',
    pei: 'c6011931997504e7389a87f5cf4be922673c0636a61bdd68f930afd1dad3f67a',
    machine: { version: '7.2.22', memoryMib: 3072, vcpus: 3, intel: true },
  },
  {
    package: '2022.11',
    file: 'OVMF_CODE_4M.secboot.fd',
    pei: '359365943fb12334559884231152d14f9a4adf03953256d7fe66107db17743d3',
    machine: { version: '7.2.22', memoryMib: 2304, vcpus: 2 },
  },
  {
    package: '2022.11',
    file: 'OVMF_CODE_4M.secboot.fd',
    pei: 'dfbd6232dd35f608f76a15cfe1d294c886151f689ca201b47dd7839f54899d13',
    machine: { version: '11.1.3', machineType: 'pc-q35-10.1' },
  },
  {
    package: '2022.11',
    file: 'OVMF_CODE_4M.secboot.fd',
    pei: '9de1091c82ebc8cbcf243f8c60cb1bd6cd6dff8604aaf7c8dda6a5e96f0f147c',
    machine: { version: '11.1.3', machineType: 'pc-q35-10.2', memoryMib: 700, vcpus: 3 },
  },
  // A package that Debian's security archive has.
  {
    package: '2022.11-deb12u1',
    file: 'OVMF_CODE_4M.fd',
    pei: '8f0c244b175862ca8f9ebbc862f429569779bfefea08f1ab168cf60e7d7c974c',
    machine: {},
  },
  {
    package: '2022.11-deb12u1',
    file: 'OVMF_CODE_4M.secboot.fd',
    pei: '8ed777622bbcd37a584ecb62c24846d7c4496e175b939307b33eaa6d9fc51dff',
    machine: { memoryMib: 3072, vcpus: 2, intel: true },
  },
  {
    package: '2022.11-deb12u1',
    file: 'OVMF_CODE.fd',
    pei: 'e1975abaa319cd24454cb950d80e84382d84c42731d32d3a14505cdb49d9dd02',
    machine: { memoryMib: 2304, vcpus: 2, intel: true },
  },
];

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

describe.skipIf(!haveOvmf)('predictPcr00() equals what the firmware alone measured', () => {
  it.each(runs.filter((run) => hasOvmf(run.package)))(
    '$package $file on $machine',
    async ({ package: name, file, pei, machine: facts }) => {
      const register = pcr0({ code: await ovmfFile(name, file) }, machine(facts), ['sha256']);
      expect(register.status).toBe('predicted');
      expect(digestOf(register, 1)).toBe(pei);
    },
  );
});

describe.skipIf(!haveOvmf)('predictPcr00() does not claim', () => {
  const plain = () => ovmfFile('2022.11', 'OVMF_CODE_4M.fd');

  it('anything without the firmware’s bytes', () => {
    expect(pcr0(undefined, machine())).toMatchObject({ status: 'host-dependent', values: {} });
  });

  it('anything of bytes that are not the firmware that was named', async () => {
    const answer = pcr0({ code: await plain(), codeSha256: '00'.repeat(32) }, machine());
    expect(answer).toMatchObject({ status: 'unpredictable', values: {} });
  });

  it('what firmware finds of a machine that is not described', async () => {
    expect(pcr0({ code: await plain() }, undefined).status).toBe('host-dependent');
    expect(pcr0({ code: await ovmfFile('2025.02', 'OVMF_CODE_4M.fd') }, undefined).status).toBe(
      'host-dependent',
    );
    // Nothing of the machine is in this one.
    expect(pcr0({ code: await ovmfFile('2026.08', 'OVMF_CODE_4M.fd') }, undefined).status).toBe('predicted');
  });

  it('what firmware finds of a machine that is not understood', async () => {
    const code = await plain();
    expect(pcr0({ code }, machine({ unknown: ['-global mch.extended-tseg-mbytes=48'] }))).toMatchObject({
      status: 'host-dependent',
      reason: expect.stringContaining('-global mch.extended-tseg-mbytes=48'),
    });
    const fwCfg = { 'opt/ovmf/PcdSetNxForStack': new TextEncoder().encode('yes') };
    expect(pcr0({ code }, machine({ fwCfg })).status).toBe('host-dependent');
    expect(pcr0({ code }, machine({ memoryMib: 1024 * 1024 })).status).toBe('host-dependent');
  });

  it('more than an assumption for address widths that were read in source only', async () => {
    const cpu = { vendor: 'GenuineIntel', physicalAddressBits: 46 } as const;
    expect(pcr0({ code: await plain() }, machine({ cpu }))).toMatchObject({
      status: 'assumed',
      reason: expect.stringContaining('46 physical address bits'),
    });
  });

  it('more than an assumption for versions of QEMU that were not compared', async () => {
    const code = await plain();
    for (const version of ['7.1.0', '11.2.0', '12.0.0', '']) {
      expect(pcr0({ code }, machine({ version })).status).toBe('assumed');
    }
    for (const version of ['7.2.22', '8.0.0', '10.2.1', '11.1.3']) {
      expect(pcr0({ code }, machine({ version })).status).toBe('predicted');
    }
  });

  it('what boards that are not known keep for system management mode', async () => {
    const code = await ovmfFile('2022.11', 'OVMF_CODE_4M.secboot.fd');
    for (const facts of [
      { version: '11.2.0' },
      { machineType: 'pc-q35-2.9' },
      { machineType: 'pc-q35-rhel9.6.0' },
    ]) {
      expect(pcr0({ code }, machine(facts)).status).toBe('host-dependent');
    }
  });

  it('a build that moves SMRAM, and names the way out', async () => {
    for (const [name, file] of [
      ['2025.02', 'OVMF_CODE_4M.secboot.fd'],
      ['2025.02', 'OVMF_CODE_4M.secboot.strictnx.fd'],
      ['2026.08', 'OVMF_CODE_4M.secboot.fd'],
      ['2026.08', 'OVMF_CODE_4M.secboot.strictnx.fd'],
    ] as const) {
      expect(pcr0({ code: await ovmfFile(name, file) }, machine())).toMatchObject({
        status: 'unpredictable',
        reason: expect.stringContaining('altee measure --run-firmware'),
        values: {},
      });
    }
  });

  it('a build with system management mode on a chipset where it does not start', async () => {
    const code = await ovmfFile('2022.11', 'OVMF_CODE_4M.secboot.fd');
    expect(pcr0({ code }, machine({ chipset: 'pc' })).status).toBe('unpredictable');
  });

  it('firmware that is not known', async () => {
    const code = await ovmfFile('2022.11', 'OVMF_CODE.secboot.fd');
    expect(pcr0({ code }, machine())).toMatchObject({
      status: 'unpredictable',
      reason: expect.stringContaining('is not known'),
    });
    const noPei = await ovmfFile('2026.08-inteltdx', 'OVMF.inteltdx.ms.fd');
    expect(pcr0({ code: noPei }, machine())).toMatchObject({ status: 'unpredictable' });
    expect(pcr0({ code: new Uint8Array(65536) }, machine())).toMatchObject({ status: 'unpredictable' });
  });
});
