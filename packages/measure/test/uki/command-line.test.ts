import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { stubRules } from '../../src/index.ts';
import { type CommandLineInputs, stubCommandLine } from '../../src/uki/command-line.ts';

const nothing: CommandLineInputs = {
  section: undefined,
  loadOptions: '',
  addons: [],
  smbios: '',
  secureBoot: false,
};

function make(major: number, inputs: Partial<CommandLineInputs>) {
  return stubCommandLine({ ...nothing, ...inputs }, stubRules(major));
}

const text = (major: number, section: string) => make(major, { section: ascii(section) }).text;

describe('stubCommandLine()', () => {
  it.each([
    ['turns control characters into blanks', 'a\tb\nc\x7fd', 'a b c d'],
    ['keeps blanks inside', 'a  b', 'a  b'],
    ['drops them at both ends', ' \n a \t\0', 'a'],
    ['ends at the NUL', 'a\0b', 'a'],
    ['gives nothing for blanks', ' \n', ''],
  ])('%s', (_, given, wanted) => {
    expect(text(257, given)).toBe(wanted);
  });

  it('keeps blanks at the start, and U+007F, up to 254', () => {
    // As boots with these stubs have shown.
    for (const major of [252, 254]) {
      expect(text(major, '\n  console=ttyS0\tquiet  panic=-1\x7f \n')).toBe(
        '   console=ttyS0 quiet  panic=-1\x7f',
      );
    }
  });

  it('reads UTF-8, and has no answer for other bytes', () => {
    const section = new TextEncoder().encode('ä=€ 😀');
    expect(make(257, { section }).text).toBe('ä=€ 😀');
    expect(() => make(257, { section: Uint8Array.of(0x61, 0xff) })).toThrow(
      'Section ".cmdline" is not UTF-8',
    );
  });

  it('is none at all without section and additions', () => {
    expect(make(257, {})).toEqual({ text: undefined, parts: [], own: false });
  });

  it('cleans what SMBIOS adds from 255 on, takes it as it is with 254, and not at all before', () => {
    const inputs = { section: ascii('a'), smbios: 'b\tc ' };
    expect(make(262, inputs)).toMatchObject({ text: 'a b c', parts: [{ from: 'smbios', text: 'b c' }] });
    expect(make(254, inputs)).toMatchObject({ text: 'a b\tc ', parts: [{ from: 'smbios', text: 'b\tc ' }] });
    expect(make(252, inputs)).toMatchObject({ text: 'a', parts: [] });
  });

  const addons = [
    { scope: 'global', commandLine: ' global=a\n' },
    { scope: 'global', commandLine: 'global=b' },
    { scope: 'global', commandLine: undefined },
    { scope: 'own', commandLine: 'own=1' },
  ] as const;

  it('measures the addons’ command lines together from 255 on', () => {
    expect(make(257, { section: ascii('x'), addons, smbios: 'y' })).toEqual({
      text: 'x global=a global=b own=1 y',
      own: true,
      parts: [
        { from: 'addons', text: 'global=a global=b own=1' },
        { from: 'smbios', text: 'y' },
      ],
    });
  });

  it('measures them folder by folder with 254, and cleans each folder’s as one', () => {
    expect(make(254, { section: ascii('x'), addons })).toEqual({
      text: 'x  global=a  global=b own=1',
      own: true,
      parts: [
        { from: 'addons', text: ' global=a  global=b' },
        { from: 'addons', text: 'own=1' },
      ],
    });
  });

  it('is what is passed to the image, unless Secure Boot keeps to the image’s own', () => {
    const inputs = { section: ascii('x'), loadOptions: 'given' };
    expect(make(262, inputs)).toEqual({
      text: 'given',
      own: false,
      parts: [{ from: 'load-options', text: 'given' }],
    });
    expect(make(262, { ...inputs, secureBoot: true })).toEqual({ text: 'x', own: true, parts: [] });
    expect(make(262, { loadOptions: 'given', secureBoot: true }).text).toBe('given');
  });

  it.each([['@1 a'], ['a\tb']])('has no answer for load options %j', (loadOptions) => {
    expect(() => make(257, { loadOptions })).toThrow('load options');
  });
});
