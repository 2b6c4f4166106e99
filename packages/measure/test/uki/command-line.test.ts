import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { stubRules } from '../../src/index.ts';
import { type CommandLineInputs, stubCommandLine } from '../../src/uki/command-line.ts';
import { consoleArguments } from '../../src/uki/consoles.ts';

const nothing: CommandLineInputs = {
  section: undefined,
  loadOptions: '',
  addons: [],
  smbios: '',
  secureBoot: false,
  consoles: { serialPorts: [], virtio: 0, graphics: false },
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
    expect(make(257, {})).toEqual({ text: undefined, parts: [], own: false, consoles: [] });
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
      consoles: [],
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
      consoles: [],
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
      consoles: [],
      parts: [{ from: 'load-options', text: 'given' }],
    });
    expect(make(262, { ...inputs, secureBoot: true })).toEqual({
      text: 'x',
      own: true,
      parts: [],
      consoles: [],
    });
    expect(make(262, { loadOptions: 'given', secureBoot: true }).text).toBe('given');
  });

  it.each([['@1 a'], ['a\tb']])('has no answer for load options %j', (loadOptions) => {
    expect(() => make(257, { loadOptions })).toThrow('load options');
  });

  const serial = { serialPorts: [0], virtio: 0, graphics: false };

  it('has a console appended by 262, unless one is named or none is there', () => {
    // As a boot with this stub has shown.
    const line = (text: string, consoles = serial) => make(262, { loadOptions: text, consoles }).text;
    expect(line('given=from-outside')).toBe('given=from-outside console=uart,io,0x3f8');
    expect(line('console=tty1 x')).toBe('console=tty1 x');
    expect(line('x console=tty1')).toBe('x console=tty1');
    expect(line('noconsole=1')).toBe('noconsole=1 console=uart,io,0x3f8');
    expect(line('x', { ...serial, serialPorts: [] })).toBe('x');
    expect(make(262, { consoles: serial }).text).toBe('console=uart,io,0x3f8');
    expect(make(257, { section: ascii('x'), consoles: serial }).text).toBe('x');
  });

  it('says that consoles would have to be known, where that is so', () => {
    expect(make(262, { section: ascii('quiet'), consoles: undefined }).consoles).toBeUndefined();
    expect(make(262, { section: ascii('console=a'), consoles: undefined }).consoles).toEqual([]);
    expect(make(257, { section: ascii('quiet'), consoles: undefined }).consoles).toEqual([]);
  });
});

describe('consoleArguments()', () => {
  const uart = 'console=uart,io,0x3f8';
  it.each([
    ['one serial port', { serialPorts: [0], virtio: 0, graphics: false }, [uart], [uart]],
    [
      'another one',
      { serialPorts: [1], virtio: 0, graphics: false },
      ['console=uart,io,0x2f8'],
      ['console=uart,io,0x2f8'],
    ],
    ['several serial ports', { serialPorts: [0, 1], virtio: 0, graphics: false }, [], []],
    ['a display', { serialPorts: [], virtio: 0, graphics: true }, [], []],
    [
      'a display and a serial port',
      { serialPorts: [0], virtio: 0, graphics: true },
      [uart, 'console=tty0'],
      [],
    ],
    [
      'a virtio console',
      { serialPorts: [0], virtio: 1, graphics: false },
      [uart, 'console=hvc0'],
      ['console=hvc0'],
    ],
    ['two of them', { serialPorts: [], virtio: 2, graphics: false }, [], []],
  ])('takes %s', (_, consoles, all, best) => {
    expect(consoleArguments(consoles, 'all')).toEqual(all);
    expect(consoleArguments(consoles, 'best')).toEqual(best);
    expect(consoleArguments(consoles, 'none')).toEqual([]);
  });
});
