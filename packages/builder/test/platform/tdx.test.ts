import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findRegister, type Prediction, toHex } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { makeKernel, makeUki } from '../../../measure/test/make-pe.ts';
import { makeTdFirmware } from '../../../measure/test/tdx/make-firmware.ts';
import { haveVectors, vectorBytes } from '../../../measure/test/vectors.ts';
import { BuilderError } from '../../src/error.ts';
import { measureFile } from '../../src/measure-file.ts';
import { silentReporter } from '../../src/report.ts';
import { tempFolder } from '../temp.ts';

const text = (value: string) => new TextEncoder().encode(value);
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const uki = makeUki('257.13', {
  '.osrel': text('ID=x'),
  '.cmdline': text('quiet'),
  '.initrd': text('i'),
  '.linux': makeKernel(),
});

/** What `altee measure image.efi --platform-file` gives for one platform, with files beside it. */
async function measure(
  platform: string,
  files: Readonly<Record<string, Uint8Array>> = {},
): Promise<Prediction> {
  await using folder = await tempFolder();
  for (const [name, bytes] of Object.entries({ ...files, 'image.efi': uki }))
    await writeFile(join(folder.path, name), bytes);
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

const reasons = ({ registers }: Prediction) =>
  Object.fromEntries(registers.map(({ register, status, reason }) => [register, `${status}: ${reason}`]));

describe('a platform of kind "gcp-tdx"', () => {
  it('names the facts that are missing, and makes no value up', async () => {
    const prediction = await measure('{ kind: gcp-tdx, memory: 16GiB }');
    expect(prediction.technology).toBe('tdx');
    const { MRTD, RTMR0, RTMR3 } = reasons(prediction);
    expect(MRTD).toMatch(/^host-dependent: The firmware is not known/);
    expect(RTMR0).toMatch(/^host-dependent: .*\(CFV\).*; .*Secure Boot.*; .*ACPI.*; .*boot options/);
    expect(RTMR3).toMatch(/^predicted: Nothing in the image extends it/);
    for (const { status, values } of prediction.registers)
      if (status === 'host-dependent') expect(values).toEqual({});
  });

  it.skipIf(!haveVectors)('takes tables, keys and boot options from a log of the machine', async () => {
    const log = vectorBytes('tdx', 'go-tdx-guest', 'ccel_data.dat');
    const mrtd =
      'dae67181d3d65e073ad8f95b7907d5e927bfe9761c9ff3e9b89734a45d8954dba41394c7717cb2735396c1d04231f94a';
    const platform = (memory: string) =>
      `{ kind: gcp-tdx, memory: ${memory}, tdx: { mrtd: "sha384:${mrtd}" }, log: { path: ccel.bin, sha256: ${sha256(log)} } }`;
    const prediction = await measure(platform('16GiB'), { 'ccel.bin': log });
    expect(reasons(prediction)).toMatchObject({
      MRTD: expect.stringMatching(/^predicted/),
      RTMR0: expect.stringMatching(/^predicted/),
    });
    expect(findRegister(prediction, 'RTMR0')?.events).toHaveLength(14);
    const other = await measure(platform('32GiB'), { 'ccel.bin': log });
    const value = (each: Prediction) =>
      toHex(findRegister(each, 'RTMR0')?.values.sha384 ?? new Uint8Array(0));
    expect(value(other)).not.toBe(value(prediction));
  });

  it('refuses a log that is no TD’s', async () => {
    const log = text('not a log at all, whatever it says');
    const error: unknown = await measure(`{ kind: gcp-tdx, log: { path: x, sha256: ${sha256(log)} } }`, {
      x: log,
    }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(BuilderError);
    expect(error).toMatchObject({ code: 'invalid-input', hint: expect.stringContaining('CCEL') });
  });
});

describe('a platform of kind "qemu-tdx"', () => {
  const firmware = makeTdFirmware();
  const qemu = (rest: string) =>
    `{ kind: qemu-tdx, firmware: { path: ovmf.fd, sha256: ${sha256(firmware)} }${rest} }`;
  const mrtdOf = async (rest: string) => {
    const prediction = await measure(qemu(rest), { 'ovmf.fd': firmware });
    const register = findRegister(prediction, 'MRTD');
    return {
      status: register?.status,
      reason: register?.reason,
      value: toHex(register?.values.sha384 ?? new Uint8Array(0)),
    };
  };

  it('assumes MRTD by the order of the VMM, and gives no value where the order is not known', async () => {
    const unknown = await mrtdOf('');
    expect(unknown).toMatchObject({ status: 'host-dependent', value: '' });
    const upstream = await mrtdOf(', tdx: { qemu: 10.2.0 }');
    const single = await mrtdOf(', tdx: { mrtdOrder: single-pass }');
    const double = await mrtdOf(', tdx: { mrtdOrder: two-pass }');
    expect(upstream).toMatchObject({ status: 'assumed', value: single.value });
    expect(double.value).not.toBe(single.value);
    // Both are in the reason, for whoever has a quote.
    expect(unknown.reason).toContain(single.value);
    expect(unknown.reason).toContain(double.value);
    // A quote's value settles it.
    expect(await mrtdOf(`, tdx: { mrtd: "sha384:${double.value}" }`)).toMatchObject({
      status: 'predicted',
      value: double.value,
    });
    expect(await mrtdOf(`, tdx: { mrtd: "sha384:${'0'.repeat(96)}" }`)).toMatchObject({
      status: 'host-dependent',
      value: '',
    });
  });

  it('says what is missing for RTMR 0, with the firmware’s release and without', async () => {
    const without = reasons(await measure(qemu(''), { 'ovmf.fd': firmware }));
    expect(without['RTMR0']).toMatch(/^host-dependent: .*no OVMF/);
    const with2502 = reasons(await measure(qemu(', tdx: { release: 202502 }'), { 'ovmf.fd': firmware }));
    expect(with2502['RTMR0']).toMatch(/^host-dependent: .*ACPI/);
    expect(with2502['RTMR0']).not.toContain('SMBIOS');
    const with2505 = reasons(await measure(qemu(', tdx: { release: 202505 }'), { 'ovmf.fd': firmware }));
    expect(with2505['RTMR0']).toMatch(/fw_cfg.*SMBIOS/);
  });
});
