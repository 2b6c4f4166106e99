import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { parseFragment } from '../../src/kernel/fragment.ts';

const file = 'kernels/test/base.config';

function refusals(text: string): readonly string[] {
  try {
    parseFragment(text, file);
  } catch (error) {
    if (error instanceof BuilderError) return error.details;
  }
  return [];
}

describe('parseFragment()', () => {
  it('reads options with value, reason and place', () => {
    const text = '# heading\n\nCONFIG_SMP=y  # more than one vCPU\nCONFIG_NR_CPUS=64 # upper bound\n';
    expect(parseFragment(text, file)).toEqual({
      name: 'base',
      options: [
        { symbol: 'SMP', value: 'y', reason: 'more than one vCPU', origin: `${file}:3` },
        { symbol: 'NR_CPUS', value: '64', reason: 'upper bound', origin: `${file}:4` },
      ],
      cmdline: [],
      includes: [],
    });
  });

  it('keeps a number sign inside a string apart from the reason', () => {
    const [option] = parseFragment('CONFIG_LSM="a#b,\\"c"  # order', file).options;
    expect(option).toMatchObject({ value: '"a#b,\\"c"', reason: 'order' });
  });

  it('reads parameters and includes', () => {
    const fragment = parseFragment('include block\ncmdline mitigations=auto,nosmt  # all\n', file);
    expect(fragment.includes).toEqual([{ name: 'block', origin: `${file}:1` }]);
    expect(fragment.cmdline).toEqual([
      { text: 'mitigations=auto,nosmt', reason: 'all', origin: `${file}:2` },
    ]);
  });

  it.each([
    ['CONFIG_SMP=y', 'the reason is missing'],
    ['CONFIG_SMP=y  #   ', 'expected'],
    ['CONFIG_SMP=m  # a module', 'no modules'],
    ['# CONFIG_SMP is not set', 'CONFIG_X=n'],
    ['CONFIG_SMP = y  # blanks', 'expected'],
    ['CONFIG_SMP=yes  # not a value', 'expected'],
    ['CONFIG_LSM="open  # string', 'expected'],
    ['SMP=y  # no prefix', 'expected'],
    ['cmdline a b  # two parameters', 'expected one parameter'],
    ['cmdline quiet', 'expected one parameter'],
    ['include Block', 'expected'],
    ['\u0000', 'expected'],
  ])('refuses the line "%s"', (line, words) => {
    const details = refusals(`CONFIG_A=y  # fine\n${line}\n`);
    expect(details).toHaveLength(1);
    expect(details[0]).toContain(`${file}:2`);
    expect(details[0]).toContain(words);
  });

  it('refuses a symbol that stands twice, naming the first line', () => {
    const details = refusals('CONFIG_A=y  # one\nCONFIG_A=y  # two\n');
    expect(details[0]).toContain(`${file}:2`);
    expect(details[0]).toContain('line 1 already');
  });

  it('names every bad line at once', () => {
    expect(refusals('CONFIG_A\nCONFIG_B=y  # fine\nCONFIG_C\n')).toHaveLength(2);
  });
});
