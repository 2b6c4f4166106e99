import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePlatforms } from '@altee/manifest';
import { type Prediction, registerTrust, snpCpuModels, toHex } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { makeKernel, makeUki } from '../../../measure/test/make-pe.ts';
import { makeSevFirmware } from '../../../measure/test/snp/make-firmware.ts';
import { haveVectors, vectorBytes, vectorJson } from '../../../measure/test/vectors.ts';
import { BuilderError } from '../../src/error.ts';
import { measureFile } from '../../src/measure-file.ts';
import { silentReporter } from '../../src/report.ts';
import { tempFolder } from '../temp.ts';

const text = (value: string) => new TextEncoder().encode(value);
const uki = makeUki('257.13', {
  '.osrel': text('ID=x'),
  '.cmdline': text('quiet'),
  '.initrd': text('i'),
  '.linux': makeKernel(),
});
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** What `altee measure image.efi --platform-file` gives for one platform, with files beside it. */
async function measure(
  platform: string,
  files: Readonly<Record<string, Uint8Array>> = {},
): Promise<Prediction> {
  await using folder = await tempFolder();
  for (const [name, bytes] of Object.entries({ ...files, 'image.efi': uki })) {
    await writeFile(join(folder.path, name), bytes);
  }
  const platformFile = join(folder.path, 'platforms.yaml');
  await writeFile(platformFile, `apiVersion: altee/v1\nplatforms: { p: ${platform} }\n`);
  const { platforms } = await measureFile({
    file: join(folder.path, 'image.efi'),
    platformFile,
    frozen: true,
    offline: true,
    vendorDirs: [],
    reporter: silentReporter,
    storeDir: join(folder.path, 'store'),
  });
  const measured = platforms.get('p');
  return measured && 'prediction' in measured ? measured.prediction : expect.fail(JSON.stringify(measured));
}

async function refusal(...args: Parameters<typeof measure>): Promise<BuilderError> {
  const error: unknown = await measure(...args).catch((cause: unknown) => cause);
  return error instanceof BuilderError ? error : expect.fail(String(error));
}

const digestOf = ({ registers }: Prediction) => toHex(registers[0]?.values.sha384 ?? new Uint8Array(0));

describe('a platform of kind "qemu-snp"', () => {
  const firmware = makeSevFirmware();
  const snp = (rest = '') =>
    `{ kind: qemu-snp, firmware: { path: ovmf.fd, sha256: ${sha256(firmware)} }${rest} }`;

  it('has one register, the launch digest, without the image', async () => {
    const prediction = await measure(snp(), { 'ovmf.fd': firmware });
    expect(prediction.technology).toBe('snp');
    expect(prediction.registers).toMatchObject([{ register: 'LAUNCH_DIGEST', status: 'predicted' }]);
    expect(prediction.registers[0]?.covers).toContain('not the image');
  });

  it('has another digest for another number of processors, model, features, and with kernel hashes', async () => {
    const digests = new Set<string>();
    const variants = [
      '',
      ', vcpus: 2',
      ', snp: { cpu: EPYC-Milan }',
      ', snp: { guestFeatures: 0x21 }',
      ', snp: { kernelHashes: true }',
    ];
    for (const rest of variants) digests.add(digestOf(await measure(snp(rest), { 'ovmf.fd': firmware })));
    expect(digests.size).toBe(variants.length);
  });

  it('says that the image is covered with kernel hashes', async () => {
    const { registers } = await measure(snp(', snp: { kernelHashes: true }'), { 'ovmf.fd': firmware });
    expect(registers[0]?.covers).toContain('the image and its command line');
  });

  it('says that it needs the firmware where no lock names one', async () => {
    const { registers } = await measure('{ kind: qemu-snp }');
    expect(registers).toMatchObject([{ status: 'host-dependent', values: {} }]);
  });

  it('refuses kernel hashes where firmware has no place for them, another file, and a missing one', async () => {
    const without = makeSevFirmware({ withHashes: false });
    const plain = `{ kind: qemu-snp, firmware: { path: ovmf.fd, sha256: ${sha256(without)} }, snp: { kernelHashes: true } }`;
    expect(await refusal(plain, { 'ovmf.fd': without })).toMatchObject({ code: 'invalid-input' });
    expect(await refusal(snp(), { 'ovmf.fd': without })).toMatchObject({ code: 'digest-mismatch' });
    expect(await refusal(snp())).toMatchObject({ code: 'invalid-input' });
  });

  it('knows the processors that the prediction knows', () => {
    const document = (cpu: string) =>
      parsePlatforms(
        text(`apiVersion: altee/v1\nplatforms: { p: { kind: qemu-snp, snp: { cpu: ${cpu} } } }\n`),
        'x',
      );
    for (const cpu of snpCpuModels) expect(document(cpu).platforms['p']?.snp.cpu).toBe(cpu);
    expect(() => document('Skylake-Server')).toThrow();
  });

  it('refuses features without the bit that makes it an SEV-SNP guest', () => {
    const features =
      'apiVersion: altee/v1\nplatforms: { p: { kind: qemu-snp, snp: { guestFeatures: 32 } } }\n';
    expect(() => parsePlatforms(text(features), 'x')).toThrow('bit 0');
  });
});

describe('a platform of kind "aws-nitrotpm"', () => {
  it('has PCR 4, 7 and 12 in SHA-384, and nothing of firmware itself', async () => {
    const { banks, registers } = await measure('{ kind: aws-nitrotpm }');
    expect(banks).toEqual(['sha384']);
    for (const pcr of [4, 7, 12]) expect(registers[pcr]).toMatchObject({ status: 'assumed' });
    expect(toHex(registers[12]?.values.sha384 ?? new Uint8Array(0))).toBe('00'.repeat(48));
    for (const pcr of [0, 1, 2, 3, 5, 6]) expect(registers[pcr]).toMatchObject({ status: 'host-dependent' });
  });
});

describe.skipIf(!haveVectors)('a platform of kind "reference-log"', () => {
  const boot = ['ovmf-boots', '03-trixie-257-6.12-q72'] as const;
  const log = haveVectors ? vectorBytes(...boot, 'eventlog.bin') : new Uint8Array(0);
  const platform = `{ kind: reference-log, log: { path: log.bin, sha256: ${sha256(log)} } }`;

  it('copies what firmware measured and computes what the image extends', async () => {
    const { registers } = await measure(platform, { 'log.bin': log });
    const pcrs = vectorJson<Record<string, Record<string, string>>>(...boot, 'pcrs-guest.json');
    for (const pcr of [0, 1, 2, 3, 6, 7]) {
      expect(toHex(registers[pcr]?.values.sha256 ?? expect.fail())).toBe(pcrs['sha256']?.[pcr]);
    }
    expect(registers.map(registerTrust).slice(0, 12)).toEqual([
      ...['from-log', 'from-log', 'from-log', 'from-log', 'mixed', 'computed', 'from-log', 'from-log'],
      ...['computed', 'computed', 'computed', 'computed'],
    ]);
  });

  it('gives PCR 5 no value without a disk', async () => {
    const { registers } = await measure(platform, { 'log.bin': log });
    expect(registers[5]).toMatchObject({ status: 'host-dependent', values: {} });
  });

  it('refuses a log that is missing, another, or none', async () => {
    const none = text('no log');
    const bad = `{ kind: reference-log, log: { path: log.bin, sha256: ${sha256(none)} } }`;
    expect(await refusal(platform)).toMatchObject({ code: 'invalid-input' });
    expect(await refusal(platform, { 'log.bin': none })).toMatchObject({ code: 'digest-mismatch' });
    expect(await refusal(bad, { 'log.bin': none })).toMatchObject({ code: 'invalid-input' });
  });
});
