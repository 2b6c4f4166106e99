import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  extendsOfEventLog,
  type HashName,
  hashNames,
  type ObservedExtend,
  parseEventLog,
  predictTpm,
  toHex,
} from '../../src/index.ts';
import { firmwareProgress, withFirmwareRun } from '../../src/predict/firmware-run.ts';
import { makeUki } from '../make-pe.ts';
import { haveVectors, vectorBytes, vectorJson, vectorPath } from '../vectors.ts';

const boots = haveVectors ? readdirSync(vectorPath('ovmf-boots')) : [];

function extendsOf(boot: string): ObservedExtend[] {
  return extendsOfEventLog(parseEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin')));
}

describe.skipIf(!haveVectors)('firmwareProgress()', () => {
  it.each(boots)('ends before the first measurement of the boot option, in %s', (boot) => {
    const all = extendsOf(boot);
    const { firmware, separated } = firmwareProgress(all);
    expect(separated).toBe(true);
    const next = all[firmware?.length ?? expect.fail()];
    // The partition table, or the image where there is none.
    expect([4, 5]).toContain(next?.registerIndex);
    expect(firmware?.filter(({ registerIndex }) => registerIndex === 4)).toHaveLength(2);
    expect(firmware?.filter(({ registerIndex }) => registerIndex === 5)).toHaveLength(1);
    expect(firmware?.filter(({ registerIndex }) => registerIndex > 7)).toHaveLength(0);
  });

  it('takes what comes between separators and boot option for firmware’s (SMBIOS of 2026.08)', () => {
    const { firmware } = firmwareProgress(extendsOf('23-forky-secboot-262-4g-2cpu-own-keys'));
    expect(firmware?.at(-2)?.registerIndex).toBe(1);
    expect(firmware?.at(-1)?.registerIndex).toBe(7);
  });

  it('is not done before the separators, nor before the boot option shows', () => {
    const all = extendsOf('07-forky-257-6.12-q72');
    const length = firmwareProgress(all).firmware?.length ?? expect.fail();
    expect(firmwareProgress([])).toEqual({ separated: false, firmware: undefined });
    expect(firmwareProgress(all.slice(0, length - 1))).toEqual({ separated: false, firmware: undefined });
    expect(firmwareProgress(all.slice(0, length))).toEqual({ separated: true, firmware: undefined });
    expect(firmwareProgress(all.slice(0, length + 1)).firmware).toHaveLength(length);
  });

  it('counts a kernel that is measured before the boot attempt as no end', () => {
    const all = extendsOf('07-forky-257-6.12-q72');
    const action = all.findIndex(({ registerIndex }) => registerIndex === 4);
    const kernel: ObservedExtend = { registerIndex: 4, digests: { sha256: '00'.repeat(32) } };
    const direct = [...all.slice(0, action), kernel, ...all.slice(action)];
    expect(firmwareProgress(direct).firmware).toHaveLength((firmwareProgress(all).firmware?.length ?? 0) + 1);
  });
});

describe.skipIf(!haveVectors)('withFirmwareRun()', () => {
  const boot = '11-trixie-secboot-257-own-keys';
  const firmware = () => firmwareProgress(extendsOf(boot)).firmware ?? expect.fail();
  const prediction = predictTpm({ uki: makeUki('257', {}), machine: { secureBoot: 'on' } });

  it('gives an observed PCR 0 as assumed, with a reason that says so', () => {
    const observed = vectorJson<Record<HashName, Record<string, string>>>(
      'ovmf-boots',
      boot,
      'pcrs-guest.json',
    );
    const pcr0 = withFirmwareRun(prediction, firmware()).registers[0] ?? expect.fail();
    expect(pcr0.status).toBe('assumed');
    expect(pcr0.reason).toContain('Observed in a run of the firmware alone and not computed');
    expect(pcr0.events.map(({ eventType }) => eventType)).toEqual([
      'EV_S_CRTM_VERSION',
      'EV_EFI_PLATFORM_FIRMWARE_BLOB',
      'EV_EFI_PLATFORM_FIRMWARE_BLOB',
      'EV_SEPARATOR',
    ]);
    for (const bank of hashNames) {
      expect(toHex(pcr0.values[bank] ?? expect.fail())).toBe(observed[bank]['0']);
    }
  });

  it('leaves registers to which the image adds', () => {
    const { registers } = withFirmwareRun(prediction, firmware());
    for (const pcr of [1, 4, 5, 7, 11]) expect(registers[pcr]).toBe(prediction.registers[pcr]);
    expect(withFirmwareRun(prediction, firmware(), undefined, [1]).registers[1]?.status).toBe('assumed');
  });

  it('keeps what was computed and equals the run, and takes back what differs', () => {
    const computed = { ...withFirmwareRun(prediction, firmware()) };
    const [pcr0, ...rest] = computed.registers;
    if (!pcr0) expect.fail();
    const predicted = { ...computed, registers: [{ ...pcr0, status: 'predicted' as const }, ...rest] };
    expect(withFirmwareRun(predicted, firmware()).registers[0]?.status).toBe('predicted');

    const [first, ...others] = firmware();
    const changed = [
      { registerIndex: 0, digests: { ...first?.digests, sha256: 'ff'.repeat(32) } },
      ...others,
    ];
    expect(withFirmwareRun(predicted, changed).registers[0]).toMatchObject({
      status: 'unpredictable',
      values: {},
      events: [],
    });
  });

  it('replaces nothing where a bank was not observed', () => {
    const sha256 = firmware().map(({ registerIndex, digests }) => ({
      registerIndex,
      digests: { sha256: digests.sha256 ?? '' },
    }));
    expect(withFirmwareRun(prediction, sha256).registers[0]).toBe(prediction.registers[0]);
    expect(withFirmwareRun(prediction, []).registers[0]).toBe(prediction.registers[0]);
  });
});
