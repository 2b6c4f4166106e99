import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { readPe, readStubVersion, stubRules } from '../../src/index.ts';
import { findUkiSection } from '../../src/uki/sections.ts';
import { makePe, makeUki } from '../make-pe.ts';

describe('readStubVersion()', () => {
  it.each(['257.13-1~deb13u1', '252', '262-1', '259~rc1'])('reads %s', (text) => {
    const bytes = makeUki(text, {});
    expect(readStubVersion(bytes, readPe(bytes))).toEqual({ text, major: Number(text.slice(0, 3)) });
  });

  it('refuses text that is not systemd-stub’s', () => {
    const bytes = makePe([{ name: '.sdmagic', data: ascii('\x1b[2J') }]);
    expect(() => readStubVersion(bytes, readPe(bytes))).toThrow(
      'Section ".sdmagic" doesn\'t name a systemd-stub: "\\x1b[2J"',
    );
  });
});

describe('stubRules()', () => {
  it.each([251, 263, 999])('has none for %i', (major) => {
    expect(() => stubRules(major)).toThrow(
      `systemd-stub ${major} is not known: there are rules for 252 to 262`,
    );
  });

  it('has one row for each version from 252 to 262', () => {
    for (let major = 252; major <= 262; major++) {
      const { from, to } = stubRules(major);
      expect(major).toBeGreaterThanOrEqual(from);
      expect(major).toBeLessThanOrEqual(to);
    }
  });

  it('says which versions were compared with boots', () => {
    const compared = [252, 253, 254, 255, 256, 257, 258, 261, 262].filter(
      (major) => stubRules(major).compared,
    );
    expect(compared).toEqual([252, 254, 257, 262]);
  });
});

describe('findUkiSection()', () => {
  const pick = (major: number, name: string, ...sections: [string, string][]): number | undefined => {
    const pe = readPe(makePe(sections.map(([each, data]) => ({ name: each, data: ascii(data) }))));
    return findUkiSection(pe, stubRules(major), name)?.virtualSize;
  };

  it('takes the last section that begins with the name up to 256', () => {
    expect(pick(252, '.dtb', ['.dtb', 'a'], ['.dtb', 'ab'], ['.dtbauto', 'abc'])).toBe(3);
  });

  it('takes the first section of the name from 257 on', () => {
    expect(pick(257, '.dtb', ['.dtbauto', 'abc'], ['.dtb', 'a'], ['.dtb', 'ab'])).toBe(1);
  });

  it('prefers profile 0 to the base, and ignores later profiles', () => {
    const image: [string, string][] = [
      ['.cmdline', 'a'],
      ['.profile', 'p'],
      ['.cmdline', 'ab'],
      ['.profile', 'q'],
      ['.cmdline', 'abc'],
      ['.osrel', 'abcd'],
    ];
    expect(pick(257, '.cmdline', ...image)).toBe(2);
    expect(pick(257, '.profile', ...image)).toBe(1);
    expect(pick(257, '.osrel', ...image)).toBeUndefined();
  });
});
