import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { concatBytes } from '../../src/bytes/writer.ts';
import {
  findSnpCpu,
  predictedEventLog,
  predictSnp,
  readSnpFirmware,
  type SnpGuest,
  snpCpuModels,
  snpLaunchDigest,
  toHex,
} from '../../src/index.ts';
import { cpuidSignature } from '../../src/snp/cpu-model.ts';
import { kernelHashTable } from '../../src/snp/kernel-hashes.ts';
import { snpLaunchRanges } from '../../src/snp/launch.ts';
import { encodeVmsa } from '../../src/snp/vmsa.ts';
import { makeSevFirmware, ovmfSections } from './make-firmware.ts';

const sha384 = (...parts: Uint8Array[]) =>
  Uint8Array.from(createHash('sha384').update(concatBytes(parts)).digest());
const firmware = makeSevFirmware();
const guest: SnpGuest = {
  firmware: readSnpFirmware(firmware),
  vmm: 'qemu',
  vcpus: 2,
  cpuSignature: findSnpCpu('EPYC-v4').signature,
  guestFeatures: 1n,
};
const zeros = new Uint8Array(48);

/** PAGE_INFO, written out by hand. */
function page(digest: Uint8Array, type: number, gpa: bigint, contents: Uint8Array): Uint8Array {
  const tail = new DataView(new ArrayBuffer(16));
  tail.setUint16(0, 0x70, true);
  tail.setUint8(2, type);
  tail.setBigUint64(8, gpa, true);
  return sha384(digest, contents, new Uint8Array(tail.buffer));
}

describe('snpLaunchDigest()', () => {
  it('measures firmware up to 4 GiB, its sections in order, then each processor', () => {
    let digest: Uint8Array = zeros;
    for (let at = 0; at < firmware.length; at += 4096) {
      const gpa = 2n ** 32n - BigInt(firmware.length) + BigInt(at);
      digest = page(digest, 1, gpa, sha384(firmware.subarray(at, at + 4096)));
    }
    const types: Record<number, number> = { 1: 3, 2: 5, 3: 6, 4: 3, 16: 3 };
    for (const { gpa, size, type } of [...ovmfSections, { gpa: 0x810000, size: 4096, type: 16 }]) {
      for (let at = 0; at < size; at += 4096)
        digest = page(digest, types[type] ?? 0, BigInt(gpa + at), zeros);
    }
    const state = { vmm: 'qemu', cpuSignature: 0x800f12, guestFeatures: 1n } as const;
    const first = encodeVmsa({ ...state, start: 0xfffffff0, isBootProcessor: true });
    const second = encodeVmsa({ ...state, start: 0x80b004, isBootProcessor: false });
    for (const vmsa of [first, second]) digest = page(digest, 2, 0xffff_ffff_f000n, sha384(vmsa));
    expect(toHex(snpLaunchDigest(guest))).toBe(toHex(digest));
  });

  it('puts EC2’s CPUID page behind all others, and leaves GCE’s early memory unmeasured', () => {
    const order = (vmm: SnpGuest['vmm']) =>
      snpLaunchRanges({ ...guest, vmm }).map(({ what, type }) => `${what} ${type}`);
    expect(order('qemu').indexOf('CPUID cpuid')).toBe(4);
    expect(order('ec2').indexOf('CPUID cpuid')).toBe(6);
    expect(order('gce').filter((range) => range === 'SNP_SEC_MEM unmeasured')).toHaveLength(2);
    expect(order('qemu')).not.toContain('SNP_SEC_MEM unmeasured');
  });

  it('depends on the model under QEMU alone', () => {
    const digest = (vmm: SnpGuest['vmm'], cpuSignature: number) =>
      toHex(snpLaunchDigest({ ...guest, vmm, cpuSignature }));
    expect(digest('qemu', 0xa00f11)).not.toBe(digest('qemu', 0x800f12));
    expect(digest('ec2', 0xa00f11)).toBe(digest('ec2', 0x800f12));
    expect(digest('gce', 0xa00f11)).toBe(digest('gce', 0x800f12));
  });

  it.each([
    ['kernel', { kernel: ascii('k'), commandLine: 'a', initrd: ascii('i') }],
    ['command line', { kernel: ascii('K'), commandLine: 'b', initrd: ascii('i') }],
    ['initrd', { kernel: ascii('K'), commandLine: 'a', initrd: ascii('j') }],
  ])('covers the %s by its hash', (_, directBoot) => {
    const base = { kernel: ascii('K'), commandLine: 'a', initrd: ascii('i') };
    expect(snpLaunchDigest({ ...guest, directBoot })).not.toEqual(
      snpLaunchDigest({ ...guest, directBoot: base }),
    );
  });

  it('takes a missing initrd for an empty one, and a missing command line for an empty one', () => {
    const kernel = ascii('k');
    expect(kernelHashTable({ kernel }, createHash)).toEqual(
      kernelHashTable({ kernel, initrd: new Uint8Array(0), commandLine: '' }, createHash),
    );
  });

  it('refuses what no guest can be', () => {
    const refusal = (change: Partial<SnpGuest>) => () => snpLaunchDigest({ ...guest, ...change });
    expect(refusal({ vcpus: 0 })).toThrow('number of processors');
    expect(refusal({ vcpus: 1.5 })).toThrow('number of processors');
    expect(refusal({ vcpus: 1e9 })).toThrow('number of processors');
    expect(refusal({ guestFeatures: 0x20n })).toThrow('bit 0');
    expect(refusal({ guestFeatures: 2n ** 64n + 1n })).toThrow('bit 0');
    const noHashes = readSnpFirmware(makeSevFirmware({ withHashes: false }));
    expect(refusal({ firmware: noHashes, directBoot: { kernel: ascii('k') } })).toThrow(
      'no place for kernel hashes',
    );
    const noReset = readSnpFirmware(makeSevFirmware({ resetAddress: 0 }));
    expect(refusal({ firmware: noReset })).toThrow('further processors');
    expect(refusal({ firmware: noReset, vcpus: 1 })).not.toThrow();
  });
});

describe('predictSnp()', () => {
  const input = { firmware, vmm: 'qemu', vcpus: 4, cpu: findSnpCpu('EPYC-v4') } as const;
  const only = (change: Partial<Parameters<typeof predictSnp>[0]> = {}) =>
    predictSnp({ ...input, ...change }).registers[0] ?? expect.fail();

  it('has the launch digest as its one register, with an event a range', () => {
    const { register, status, values, events } = only();
    expect({ register, status, banks: Object.keys(values) }).toEqual({
      register: 'LAUNCH_DIGEST',
      status: 'predicted',
      banks: ['sha384'],
    });
    expect(values.sha384).toEqual(snpLaunchDigest({ ...guest, vcpus: 4 }));
    expect(events.map(({ eventType }) => eventType)).toEqual([
      ...['PAGE_TYPE_NORMAL', 'PAGE_TYPE_ZERO', 'PAGE_TYPE_ZERO', 'PAGE_TYPE_SECRETS', 'PAGE_TYPE_CPUID'],
      ...['PAGE_TYPE_ZERO', 'PAGE_TYPE_ZERO', 'PAGE_TYPE_VMSA', 'PAGE_TYPE_VMSA'],
    ]);
    expect(events.at(-1)).toMatchObject({ description: 'initial state of processors 2 to 4' });
    expect(events.at(-1)?.dependsOn).toContain('vcpus');
    expect(events.at(-1)?.source).toMatchObject({ length: 3 * 4096 });
  });

  it('says whether the image is covered', () => {
    expect(only().covers).toContain('not the image');
    expect(only().reason).toContain('the same for every image');
    const covered = only({ directBoot: { kernel: ascii('k') } });
    expect(covered.covers).toContain('the image and its command line');
    expect(covered.events.find(({ dependsOn }) => dependsOn.includes('image'))?.eventType).toBe(
      'PAGE_TYPE_NORMAL',
    );
  });

  it('measures the same firmware once when it was read before', () => {
    expect(predictSnp({ ...input, firmware: readSnpFirmware(firmware) })).toEqual(predictSnp(input));
  });

  it.each([
    [{ cpu: findSnpCpu('EPYC-Turin') }, 'EPYC-Turin'],
    [{ guestFeatures: 0x201n }, '0x201'],
    [{ vmm: 'ec2' }, 'EC2'],
    [{ vmm: 'gce' }, 'GCE'],
  ] as const)('only assumes what no published digest proves: %o', (change, word) => {
    expect(only(change)).toMatchObject({ status: 'assumed', reason: expect.stringContaining(word) });
  });

  it.each([
    { vmm: 'ec2', vcpus: 1 },
    { vmm: 'gce', vcpus: 1 },
    { guestFeatures: 0x21n },
    { cpu: findSnpCpu('EPYC-Genoa') },
  ] as const)('predicts what a published digest or QEMU proves: %o', (change) => {
    expect(only(change).status).toBe('predicted');
  });

  it('has no value without firmware', () => {
    expect(only({ firmware: undefined })).toMatchObject({ status: 'host-dependent', events: [], values: {} });
  });

  it('puts nothing into an event log: a launch has none', () => {
    expect(predictedEventLog(predictSnp(input)).length).toBeLessThan(100);
  });
});

describe('cpuidSignature()', () => {
  // Published by AMD and read out of QEMU 10.0 (`query-cpu-model-expansion`).
  it.each([
    ['EPYC-v4', 0x00800f12],
    ['EPYC-Rome', 0x00830f10],
    ['EPYC-Milan', 0x00a00f11],
    ['EPYC-Genoa', 0x00a10f10],
    ['EPYC-Turin', 0x00b00f00],
  ] as const)('of %s', (name, signature) => {
    expect(findSnpCpu(name).signature.toString(16)).toBe(signature.toString(16));
  });

  it('puts families below 15 into the low field', () => {
    expect(cpuidSignature({ family: 6, model: 0x3a, stepping: 9 })).toBe(0x306a9);
  });

  it('knows every model by its name', () => {
    for (const name of snpCpuModels) expect(findSnpCpu(name)).toMatchObject({ name });
  });
});
