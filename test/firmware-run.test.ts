import { createHash } from 'node:crypto';
import { cp, mkdtemp, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentReporter } from '@altee/builder';
import { parseManifest } from '@altee/manifest';
import {
  type HashName,
  type JsonPrediction,
  type MachineDescription,
  type ObservedExtend,
  replayPcr,
  toHex,
} from '@altee/measure';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockRequest, requestDigest } from '../packages/builder/src/lock/request.ts';
import { type FirmwareRunOptions, runFirmware } from '../packages/builder/src/run/firmware-run.ts';
import { runImage } from '../packages/builder/src/run/run.ts';
import { removeTree } from '../packages/builder/src/store/remove-tree.ts';
import { testPlatformRoot } from '../packages/builder/test/support/root.ts';
import { haveVectors, vectorJson } from '../packages/measure/test/vectors.ts';
import { startAltee } from './support/altee.ts';
import { testProject } from './support/project.ts';

const root = testPlatformRoot() ?? { digest: '', path: '' };
/** Debian OVMF 2025.02, the build that moves SMRAM: its PCR 0 has no static answer. */
const firmware = {
  code: join(root.path, 'usr/share/OVMF/OVMF_CODE_4M.secboot.fd'),
  variables: join(root.path, 'usr/share/OVMF/OVMF_VARS_4M.fd'),
};
/** That of the vector "11-trixie-secboot-257-own-keys". */
const description: MachineDescription = {
  qemuVersion: '10.0',
  machineType: 'q35',
  cpu: 'max',
  vcpus: 1,
  memoryMib: 512,
  smm: 'on',
  defaultDevices: false,
  serialPorts: 1,
  tpm: 'crb',
  devices: [{ kind: 'disk', interface: 'virtio-blk', bootIndex: 0 }],
};

let base: string;
let options: FirmwareRunOptions;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-firmware-'));
  const disk = join(base, 'empty.disk');
  await writeFile(disk, '');
  await truncate(disk, 16 << 20);
  options = { root, description, accelerator: 'tcg', firmware, disks: [disk], reporter: silentReporter };
});
afterAll(() => removeTree(base));

function pcr(extensions: readonly ObservedExtend[], index: number, bank: HashName = 'sha256'): string {
  const digests = extensions
    .filter(({ registerIndex }) => registerIndex === index)
    .map(({ digests: { [bank]: digest } }) => Buffer.from(digest ?? expect.fail(), 'hex'));
  return toHex(replayPcr((algorithm) => createHash(algorithm), bank, digests));
}

describe.skipIf(testPlatformRoot() === undefined)('runFirmware()', () => {
  it.skipIf(!haveVectors)(
    'gives the PCR 0 that a whole boot of the same machine had, in four banks',
    async () => {
      const told: string[] = [];
      const run = await runFirmware({
        ...options,
        reporter: {
          start: (title) => ({
            progress() {},
            output() {},
            done: (detail) => told.push(`${title}: ${detail}`),
          }),
          warn() {},
        },
      });
      const boot = 'ovmf-boots/11-trixie-secboot-257-own-keys/pcrs-guest.json';
      const whole = vectorJson<Record<HashName, Record<string, string>>>(boot);
      for (const bank of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
        expect(`${bank} ${pcr(run.firmware, 0, bank)}`).toBe(`${bank} ${whole[bank]['0']}`);
        for (const index of [2, 3, 6]) expect(pcr(run.firmware, index, bank)).toBe(whole[bank][index]);
      }
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/^Running the firmware alone: \d+ measurements in \d+\.\d s$/);
    },
  );

  it('gives what the firmware measures until it waits at its menu', async () => {
    const abort = new AbortController();
    const menu = await runImage({
      root,
      firmware,
      disk: options.disks[0] ?? expect.fail(),
      vcpus: 2,
      memoryBytes: 2 ** 30,
      smm: true,
      accelerator: 'tcg',
      timeoutSeconds: 240,
      signal: abort.signal,
      onConsole: (line) => {
        if (/^BdsDxe: (No bootable option|starting Boot)/.test(line)) abort.abort();
      },
    });
    // What altee's own machine is: a UUID, no network card.
    const run = await runFirmware({
      ...options,
      banks: ['sha256'],
      description: {
        ...description,
        vcpus: 2,
        memoryMib: 1024,
        uuid: 'a17ee000-0000-4000-8000-000000000001',
      },
    });
    expect(menu.end).toBe('stopped');
    for (const index of [0, 2, 3, 6]) {
      expect(pcr(run.firmware, index)).toBe(menu.tpm.pcrs.sha256?.[index]);
    }
  });

  it('fails when the firmware is not done in time', async () => {
    await expect(runFirmware({ ...options, timeoutSeconds: 1 })).rejects.toMatchObject({
      code: 'machine-failed',
      message: 'The firmware was not done in time',
    });
  });

  it('ends when the caller has enough', async () => {
    const signal = AbortSignal.timeout(1000);
    await expect(runFirmware({ ...options, signal })).rejects.toThrow();
  });

  it('says what QEMU says when it does not take the machine', async () => {
    await expect(
      runFirmware({ ...options, description: { ...description, cpu: 'no-such-processor' } }),
    ).rejects.toMatchObject({
      code: 'machine-failed',
      details: [expect.stringContaining('no-such-processor')],
    });
  });
});

describe.skipIf(testPlatformRoot() === undefined)('altee measure --run-firmware', () => {
  it('gives PCR 0 of a build that moves SMRAM, as assumed and with the reason', async () => {
    const secureBoot = { pk: 'keys/PK.pem', kek: ['keys/KEK.pem'], db: ['keys/db.pem'] };
    let text = '';
    await using project = await testProject({
      manifest: (plain) => {
        text = plain.replace('memory: 512MiB', `memory: 512MiB, secureBoot: ${JSON.stringify(secureBoot)}`);
        return text;
      },
      lock: (lock) => {
        const lab = lock.platforms['lab'] ?? expect.fail('the lock has no platform "lab"');
        lab.firmware.code = {
          package: 'ovmf',
          path: 'usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
          sha256: 'sha256:1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1',
        };
        lock.request = requestDigest(lockRequest(parseManifest(text, 'altee.yaml')));
        return lock;
      },
    });
    await cp(fileURLToPath(new URL('./matrix/keys/', import.meta.url)), join(project.folder, 'keys'), {
      recursive: true,
    });
    const measure = async (...more: readonly string[]) => {
      const { exitCode, stdout, stderr } = await startAltee([
        'measure',
        project.manifest,
        '--json',
        '--frozen',
        ...more,
      ]).ended;
      // What took long is told there.
      expect(exitCode, stderr).toBe(0);
      const { platforms } = JSON.parse(stdout) as { platforms: Record<string, JsonPrediction> };
      return platforms['lab']?.registers['PCR0'] ?? expect.fail('no PCR 0');
    };
    expect(await measure()).toMatchObject({
      status: 'unpredictable',
      reason: expect.stringContaining('--run-firmware'),
      values: {},
    });
    const observed = await measure('--run-firmware');
    expect(observed).toMatchObject({
      status: 'assumed',
      reason: expect.stringContaining('Observed in a run of the firmware alone and not computed'),
    });
    // The PEI volume of QEMU 10.0 with 512 MiB and one processor.
    expect(observed.events[1]?.digests.sha256).toMatch(/^15ed6fe3/);
  });
});
