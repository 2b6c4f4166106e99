import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataDir } from '../../src/data-dir.ts';
import { requireCleanVerdict } from '../../src/kernel/hardening-check.ts';
import {
  compareWithReasons,
  type HardeningCheck,
  parseHardeningReasons,
  parseHardeningReport,
} from '../../src/kernel/hardening-report.ts';

const passing: HardeningCheck = {
  option: 'CONFIG_A',
  type: 'kconfig',
  wanted: 'y',
  passed: true,
  result: 'OK',
};
const failing: HardeningCheck = {
  ...passing,
  option: 'CONFIG_B',
  passed: false,
  result: 'FAIL: is not found',
};
const aspects = { network: true, initOnFree: true, exceptions: [] };
const because = 'a reason of some length';

describe('parseHardeningReport()', () => {
  it('reads the JSON of kernel-hardening-checker 0.6.17.1', () => {
    const text =
      '[{"option_name": "CONFIG_BUG", "type": "kconfig", "reason": "self_protection", "decision": "defconfig", "desired_val": "y", "check_result": "OK", "check_result_bool": true}]';
    expect(parseHardeningReport(text)).toEqual([{ ...passing, option: 'CONFIG_BUG' }]);
  });

  it.each(['', '[]', '{}', 'Traceback (most recent call last):', '[{"option_name": "CONFIG_BUG"}]'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseHardeningReport(text)).toThrow(/Cannot read the report of kernel-hardening-checker/);
    },
  );
});

describe('compareWithReasons()', () => {
  const compare = (
    checks: HardeningCheck[],
    reasons: Parameters<typeof compareWithReasons>[1],
    more = {},
  ) => {
    const { unexplained, stale } = compareWithReasons(checks, reasons, { ...aspects, ...more });
    return [unexplained.map((one) => one.option), stale.map((one) => one.option)];
  };

  it('is content when each failure has a reason', () => {
    expect(compare([passing, failing], [{ option: 'CONFIG_B', reason: because }])).toEqual([[], []]);
  });

  it('finds a failure without a reason', () => {
    expect(compare([passing, failing], [])).toEqual([['CONFIG_B'], []]);
  });

  it('finds a reason without a failure', () => {
    const reasons = [
      { option: 'CONFIG_A', reason: because },
      { option: 'CONFIG_GONE', reason: because },
    ];
    expect(compare([passing], reasons)).toEqual([[], ['CONFIG_A', 'CONFIG_GONE']]);
  });

  it('tells checks of one option apart by what they want', () => {
    const lsm = { ...failing, option: 'CONFIG_LSM' };
    const checks = [
      { ...lsm, wanted: '*selinux*' },
      { ...lsm, wanted: '*yama*' },
    ];
    const reasons = [{ option: 'CONFIG_LSM', wanted: '*selinux*', reason: because }];
    expect(compareWithReasons(checks, reasons, aspects).unexplained).toEqual([checks[1]]);
  });

  it('counts a reason only in the images that it is for', () => {
    const reasons = [{ option: 'CONFIG_B', when: 'no-network' as const, reason: because }];
    expect(compare([failing], reasons)).toEqual([['CONFIG_B'], []]);
    expect(compare([failing], reasons, { network: false })).toEqual([[], []]);
    expect(compare([passing], reasons)).toEqual([[], []]);
  });

  it('takes the exceptions of the manifest as reasons', () => {
    expect(compare([failing], [], { exceptions: ['CONFIG_B'] })).toEqual([[], []]);
  });
});

describe('requireCleanVerdict()', () => {
  it('names each mismatch, both ways', () => {
    const verdict = { checks: [], unexplained: [failing], stale: [{ option: 'CONFIG_A', reason: because }] };
    expect(() => requireCleanVerdict(verdict)).toThrow(
      expect.objectContaining({
        details: [
          'CONFIG_B should be "y": FAIL: is not found, and no reason is given',
          'CONFIG_A has a reason, but its check does not fail: a reason of some length',
        ],
      }),
    );
  });
});

describe('kernels/linux-6.12/hardening-checker.json', () => {
  const file = join(dataDir('kernels'), 'linux-6.12', 'hardening-checker.json');
  const reasons = parseHardeningReasons(readFileSync(file, 'utf8'), file);

  it('explains at most five failures of an image with a network, all of them kernel options', () => {
    const always = reasons.filter(({ when }) => when === undefined);
    expect(always.length).toBeLessThanOrEqual(5);
    for (const { option } of always) expect(option).toMatch(/^CONFIG_/);
  });

  it.each([
    '[{"option": "CONFIG_A"}]',
    '{}',
    '[{"option": "CONFIG_A", "reason": "because it is so", "extra": 1}]',
  ])('is refused when it is malformed: %s', (text) => {
    expect(() => parseHardeningReasons(text, 'x.json')).toThrow(/Cannot read the reasons in "x.json"/);
  });
});
