import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../src/bytes/hex.ts';
import { findSnpCpu, type SnpCpuModel } from '../../src/snp/cpu-model.ts';
import { readSnpFirmware } from '../../src/snp/firmware.ts';
import { snpLaunchDigest } from '../../src/snp/launch.ts';
import { sevEsLaunchDigest, sevLaunchDigest } from '../../src/snp/sev-launch.ts';
import type { SnpVmm } from '../../src/snp/vmsa.ts';
import { haveVectors, vectorBytes, vectorJson } from '../vectors.ts';

/** Arguments of the Python reference's own tests, as literals of that language. */
interface Case {
  test: string;
  args: Record<string, string>;
  expected: string;
  ovmf_hash: string | null;
}

const text = (literal: string | undefined) => /^'(.*)'$/.exec(literal ?? '')?.[1];

describe.skipIf(!haveVectors)('launch digests equal the published ones', () => {
  const { cases } = haveVectors
    ? vectorJson<{ cases: Case[] }>('snp/sev-snp-measure/expected.json')
    : { cases: [] };
  // The firmware and service module of this mode are not among the vectors.
  const known = cases.filter(({ args }) => args['mode'] !== 'SevMode.SEV_SNP_SVSM');

  it.each(known)('$test', ({ args, expected, ovmf_hash }) => {
    const firmware = vectorBytes('snp/sev-snp-measure', text(args['ovmf_file'])?.split('/').at(-1) ?? '');
    // The kernel and initrd of the tests are /dev/null.
    const directBoot =
      args['kernel'] === 'None'
        ? undefined
        : { kernel: new Uint8Array(0), initrd: new Uint8Array(0), commandLine: text(args['append']) };
    const model = /CPU_SIGS\['(.*)'\]/.exec(args['vcpu_sig'] ?? '')?.[1] as SnpCpuModel | undefined;
    const cpuSignature = model ? findSnpCpu(model).signature : 0;
    const vcpus = Number(args['vcpus']);
    const guestFeatures = BigInt(args['guest_features'] ?? '1');
    const vmm = (args['vmm_type']?.split('.').at(-1) ?? 'qemu') as SnpVmm;
    if (args['mode'] === 'SevMode.SEV') {
      expect(toHex(sevLaunchDigest({ firmware, directBoot }, createHash))).toBe(expected);
    } else if (args['mode'] === 'SevMode.SEV_ES') {
      const digest = sevEsLaunchDigest({ firmware, directBoot, vcpus, cpuSignature }, createHash);
      expect(toHex(digest)).toBe(expected);
    } else {
      const given = args['snp_ovmf_hash_str'];
      const read = readSnpFirmware(firmware, createHash, given === undefined ? undefined : fromHex(given));
      if (ovmf_hash !== null)
        expect(toHex(readSnpFirmware(firmware, createHash).pagesDigest)).toBe(ovmf_hash);
      const guest = { firmware: read, vmm, vcpus, cpuSignature, guestFeatures, directBoot };
      expect(toHex(snpLaunchDigest(guest, createHash))).toBe(expected);
      expect(toHex(snpLaunchDigest(guest))).toBe(expected);
    }
  });
});
