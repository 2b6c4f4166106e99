import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { ascii, utf16z } from '../../src/bytes/text.ts';
import { type Hasher, hash } from '../../src/hash.ts';
import { predictedEventLog } from '../../src/predict/event-log.ts';
import { findRegister, type Prediction, type RegisterPrediction } from '../../src/predict/prediction.ts';
import { predictTdx } from '../../src/predict/tdx.ts';
import type { TdxBoot, TdxMachine } from '../../src/predict/tdx-machine.ts';
import { parseEventLog } from '../../src/tcg/event-log.ts';
import { replayEventLog } from '../../src/tcg/replay.ts';
import { ovmfTraits } from '../../src/tdx/ovmf.ts';
import { makeDisk, makeEntry } from '../make-disk.ts';
import { makeKernel, makeUki } from '../make-pe.ts';
import { classicSections } from '../tdx/sections.ts';

const native: Hasher = (algorithm) => createHash(algorithm);
const digest = (value: Uint8Array | string): string =>
  toHex(hash(native, 'sha384', typeof value === 'string' ? ascii(value) : value));
const some = { sha384: new Uint8Array(48).fill(7) };

const qemu = (change: Partial<TdxMachine> = {}, release = 202411): TdxMachine => ({
  vmm: 'qemu',
  qemuVersion: '10.2.0',
  memoryBytes: 2 ** 31,
  firmware: { release, sections: classicSections, configuration: some },
  secureBoot: { built: false, enforced: false, variables: {} },
  acpi: { tables: some, loader: some, rsdp: some, from: 'td' },
  ...change,
});
const direct = (change: Partial<Extract<TdxBoot, { kind: 'direct' }>> = {}): TdxBoot => ({
  kind: 'direct',
  kernel: makeKernel(),
  commandLine: 'quiet',
  ...change,
});
const uki = (stub: string, kernel = makeKernel()): Uint8Array =>
  makeUki(stub, {
    '.osrel': ascii('ID=x'),
    '.cmdline': ascii('quiet'),
    '.initrd': ascii('i'),
    '.linux': kernel,
  });

function register(prediction: Prediction, name: `RTMR${number}` | 'MRTD'): RegisterPrediction {
  return findRegister(prediction, name) ?? expect.fail(name);
}
const digests = ({ events }: RegisterPrediction): string[] =>
  events.map((event) => toHex(event.digests.sha384 ?? new Uint8Array(0)));
const types = ({ events }: RegisterPrediction): string[] => events.map(({ eventType }) => eventType);

describe('predictTdx() by release of OVMF', () => {
  it('closes RTMR 0 twice before 202411, and RTMR 1 from then on', () => {
    const separators = (release: number) =>
      (['RTMR0', 'RTMR1'] as const).map(
        (name) =>
          types(register(predictTdx({ machine: qemu({}, release), boot: direct() }, native), name)).filter(
            (type) => type === 'EV_SEPARATOR',
          ).length,
      );
    expect(separators(202408)).toEqual([2, 0]);
    expect(separators(202411)).toEqual([1, 1]);
  });

  it('measures values of fw_cfg and SMBIOS from 202505 on, and says that this is an assumption', () => {
    const without = predictTdx({ machine: qemu({}, 202505), boot: direct() }, native);
    expect(register(without, 'RTMR0')).toMatchObject({ status: 'host-dependent', values: {} });
    const fwCfg = { bootorder: ascii('x\0'), BootMenu: Uint8Array.of(0, 0), other: ascii('no') };
    const rtmr0 = register(
      predictTdx({ machine: qemu({ fwCfg, smbios: some }, 202505), boot: direct() }, native),
      'RTMR0',
    );
    expect(rtmr0.status).toBe('assumed');
    // Behind TD HOB and CFV, in the order in which memory is set up.
    expect(digests(rtmr0).slice(2, 4)).toEqual([digest(fwCfg.BootMenu), digest(fwCfg.bootorder)]);
    expect(types(rtmr0).indexOf('EV_EFI_HANDOFF_TABLES')).toBe(
      types(rtmr0).lastIndexOf('EV_PLATFORM_CONFIG_FLAGS') + 1,
    );
    expect(rtmr0.events.filter(({ description }) => description.startsWith('boot option'))).toHaveLength(2);
  });

  it('refuses releases that nobody looked at', () => {
    for (const release of [202211, 203001])
      expect(
        register(predictTdx({ machine: qemu({}, release), boot: direct() }, native), 'RTMR0'),
      ).toMatchObject({
        status: 'host-dependent',
        reason: expect.stringContaining('is not known'),
      });
    expect(() => ovmfTraits(202702)).toThrow(/there are rules for 202305 to 202608/);
  });

  it('names the initrd behind the command line up to 202505, and before it from 202508 on', () => {
    const loadOptions = (release: number, initrd?: Uint8Array): string | undefined =>
      digests(
        register(predictTdx({ machine: qemu({}, release), boot: direct({ initrd }) }, native), 'RTMR2'),
      )[0];
    const of = (text: string) => digest(utf16z(text));
    expect(loadOptions(202505, ascii('i'))).toBe(of('quiet initrd=initrd'));
    expect(loadOptions(202508, ascii('i'))).toBe(of('initrd=initrd quiet'));
    expect(loadOptions(202508)).toBe(of('quiet'));
  });
});

describe('predictTdx() of a kernel that QEMU hands over', () => {
  const rtmr1 = (qemuVersion: string | undefined, release: number) =>
    register(predictTdx({ machine: qemu({ qemuVersion }, release), boot: direct() }, native), 'RTMR1');

  it('measures the kernel first, as it is from QEMU 10.2 on', () => {
    const { status, events } = rtmr1('10.2.0', 202411);
    expect(status).toBe('predicted');
    expect(events.map(({ eventType }) => eventType)).toEqual([
      'EV_EFI_BOOT_SERVICES_APPLICATION',
      'EV_EFI_ACTION',
      'EV_SEPARATOR',
      'EV_EFI_ACTION',
      'EV_EFI_ACTION',
    ]);
  });

  it('measures it as it is, too, where QEMU 10.0 serves it unpatched and firmware asks for that', () => {
    expect(digests(rtmr1('10.0.2', 202502))).toEqual(digests(rtmr1('10.2.0', 202411)));
  });

  it('does not know it without QEMU’s version, and not where an older QEMU cannot have patched it', () => {
    expect(rtmr1(undefined, 202411)).toMatchObject({
      status: 'host-dependent',
      reason: expect.stringContaining('QEMU'),
    });
    // This kernel says boot protocol 0.
    expect(rtmr1('9.2', 202502)).toMatchObject({ status: 'unpredictable' });
  });

  it('has nothing in RTMR 2 without command line and initrd', () => {
    const prediction = predictTdx({ machine: qemu(), boot: direct({ commandLine: '' }) }, native);
    expect(register(prediction, 'RTMR2')).toMatchObject({ status: 'predicted', events: [] });
    expect(toHex(register(prediction, 'RTMR2').values.sha384 ?? new Uint8Array(0))).toBe('00'.repeat(48));
  });

  it('does not know what kernels before 6.9 measure in a TD', () => {
    const boot = direct({ kernel: makeKernel('6.6.30 (made@test) #1') });
    expect(register(predictTdx({ machine: qemu(), boot }, native), 'RTMR2')).toMatchObject({
      status: 'not-predicted',
      reason: expect.stringContaining('6.6.30'),
    });
  });
});

describe('predictTdx() of an image on a disk', () => {
  const disk = makeDisk({ 0: makeEntry() });
  const bootVariables = { options: [{ number: 1, data: some }], from: 'td' } as const;
  const predict = (image: Uint8Array, change: Partial<TdxMachine> = {}): Prediction =>
    predictTdx(
      { machine: qemu({ bootVariables, ...change }), boot: { kind: 'disk', uki: image, disk } },
      native,
    );

  it('measures partition table, image and inner kernel between separator and hand-over', () => {
    expect(types(register(predict(uki('257.1')), 'RTMR1'))).toEqual([
      'EV_EFI_ACTION',
      'EV_SEPARATOR',
      'EV_EFI_GPT_EVENT',
      'EV_EFI_BOOT_SERVICES_APPLICATION',
      'EV_EFI_BOOT_SERVICES_APPLICATION',
      'EV_EFI_ACTION',
      'EV_EFI_ACTION',
    ]);
    expect(types(register(predict(uki('258')), 'RTMR1'))).toHaveLength(6);
  });

  it('measures the image’s sections from stub 256 on, by assumption, and the kernel’s events with every stub', () => {
    expect(register(predict(uki('255.4')), 'RTMR2')).toMatchObject({ status: 'predicted' });
    expect(types(register(predict(uki('255.4')), 'RTMR2'))).toEqual(['EV_EVENT_TAG', 'EV_EVENT_TAG']);
    const later = register(predict(uki('257.1')), 'RTMR2');
    expect(later.status).toBe('assumed');
    expect(types(later)).toEqual([...Array(8).fill('EV_IPL'), 'EV_EVENT_TAG', 'EV_EVENT_TAG']);
  });

  it('asks for SMBIOS where the stub measures it into RTMR 0', () => {
    expect(register(predict(uki('257.1')), 'RTMR0').status).toBe('predicted');
    expect(register(predict(uki('262')), 'RTMR0')).toMatchObject({
      status: 'host-dependent',
      reason: expect.stringContaining('SMBIOS'),
    });
  });

  it('passes doubts about what the VMM gives on to the status', () => {
    const acpi = {
      tables: some,
      loader: some,
      rsdp: some,
      from: { doubt: 'They are another machine’s' },
    } as const;
    expect(register(predict(uki('257.1'), { acpi }), 'RTMR0')).toMatchObject({
      status: 'assumed',
      reason: 'They are another machine’s',
    });
  });

  it('says that firmware with keys does not start an image that nobody signed', () => {
    const key = new Uint8Array(60);
    key.set([0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72]);
    key[16] = 60;
    key[24] = 32;
    const secureBoot = { built: true, enforced: true, variables: { PK: key, KEK: key, db: key } };
    const prediction = predict(uki('257.1'), { secureBoot });
    for (const name of ['RTMR0', 'RTMR1', 'RTMR2'] as const)
      expect(register(prediction, name).status).toBe('unpredictable');
  });

  it('gives a log that replays to every value', () => {
    const prediction = predict(uki('257.1'));
    const replayed = replayEventLog(parseEventLog(predictedEventLog(prediction)), native).get('sha384');
    for (const rtmr of [0, 1, 2] as const) {
      const value = register(prediction, `RTMR${rtmr}`).values.sha384 ?? new Uint8Array(0);
      expect(toHex(replayed?.get(rtmr + 1) ?? new Uint8Array(0))).toBe(toHex(value));
    }
  });
});
