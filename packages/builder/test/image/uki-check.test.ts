import { createHash } from 'node:crypto';
import { readPe } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { checkMergedUki } from '../../src/image/uki-check.ts';
import { type PlacedSection, placeSections, type UkiSection } from '../../src/image/uki-section.ts';
import { type MadePe, type MadeSection, makePe, stubSections } from './make-pe.ts';

const stub = makePe({ sections: stubSections });
const contents: Record<string, Buffer> = {
  '.osrel': Buffer.from('ID=altee\n'),
  '.initrd': Buffer.alloc(0x1800, 'i'),
  '.linux': Buffer.alloc(0x2001, 'k'),
};
const inputs: UkiSection[] = Object.entries(contents).map(([name, data]) => ({
  name,
  path: `/parts/${name}`,
  size: data.length,
  digest: `sha256:${createHash('sha256').update(data).digest('hex')}`,
}));
const placed = placeSections(readPe(stub), inputs);
const added = placed.map(({ name, address }): MadeSection => {
  return { name, address, data: contents[name] ?? Buffer.alloc(0) };
});
const merged: MadePe = { sections: [...stubSections, ...added] };

/** The merged image with one section changed. */
function withSection(name: string, change: Partial<MadeSection>): MadePe {
  return { sections: merged.sections.map((each) => (each.name === name ? { ...each, ...change } : each)) };
}

describe('placeSections()', () => {
  it('puts each section on the next page after the stub and the one before', () => {
    expect(placed.map(({ name, address }) => [name, address])).toEqual([
      ['.osrel', 0x3000],
      ['.initrd', 0x4000],
      ['.linux', 0x6000],
    ]);
  });

  const one = (change: Partial<UkiSection>): UkiSection[] => [
    { name: '.osrel', path: '/p', size: 1, digest: '', ...change },
  ];
  it.each<[string, UkiSection[], RegExp]>([
    ['a name of nine characters', one({ name: '.longname' }), /section name ".longname"/],
    ['a name that is an option', one({ name: '--x' }), /section name "--x"/],
    ['a name that the stub has', one({ name: '.text' }), /".text" would be there twice/],
    ['a name twice', [...one({}), ...one({})], /".osrel" would be there twice/],
    ['an empty section', one({ size: 0 }), /".osrel" would be empty, because "\/p" is/],
    ['more than 1 GiB', one({ size: 2 ** 30 }), /more than 1 GiB/],
  ])('refuses %s', (_, sections, message) => {
    expect(() => placeSections(readPe(stub), sections)).toThrow(message);
  });

  it('refuses a stub whose headers have no room', () => {
    const many = Array.from({ length: 90 }, (_, i) => ({
      name: `.s${i}`,
      address: 0x1000 * (i + 1),
      data: Buffer.alloc(1),
    }));
    expect(() => placeSections(readPe(makePe({ sections: many })), inputs)).toThrow(
      /no room for 3 more section headers/,
    );
    expect(() => placeSections(readPe(makePe({ sections: [] })), inputs)).toThrow(/no room/);
  });
});

describe('checkMergedUki()', () => {
  const findings = (image: Uint8Array, sections: readonly PlacedSection[] = placed): readonly string[] => {
    try {
      checkMergedUki(image, stub, sections);
      return [];
    } catch (error) {
      if (!(error instanceof BuilderError)) throw error;
      expect(error.code).toBe('image-invalid');
      return error.details;
    }
  };

  it('accepts what was merged as planned', () => {
    expect(findings(makePe(merged))).toEqual([]);
  });

  const wrong: [string, MadePe, RegExp][] = [
    ['a time stamp', { ...merged, timestamp: 1_700_000_000 }, /TimeDateStamp is 1700000000, not 0/],
    ['another checksum', { ...merged, checkSum: 7 }, /CheckSum is 7/],
    ['lost memory protection', { ...merged, dllCharacteristics: 0 }, /dllCharacteristics was 352/],
    ['a wrong SizeOfImage', { ...merged, sizeOfImage: 0x8000 }, /SizeOfImage/],
    ['another machine', { ...merged, machine: 0xaa64 }, /x86-64/],
    [
      'a changed payload',
      withSection('.initrd', { data: Buffer.alloc(0x1800, 'I') }),
      /".initrd" doesn't hold its/,
    ],
    [
      'a truncated payload',
      withSection('.linux', { virtualSize: 0x2000 }),
      /belongs to no section and is not zero/,
    ],
    ['an overlap', withSection('.initrd', { address: 0x3000 }), /overlap/],
    ['an unaligned section', withSection('.initrd', { address: 0x3800 }), /no multiple of 0x1000/],
    ['a moved section', withSection('.linux', { address: 0x7000 }), /".linux" is not at address/],
    [
      'a changed stub',
      withSection('.text', { data: Buffer.alloc(0x300, 0xcc) }),
      /".text" is not as it is in the/,
    ],
    ['a stub made writable', withSection('.text', { flags: 0xe000_0020 }), /".text" is not as it is in the/],
    ['a missing section', { sections: merged.sections.slice(0, -1) }, /no section ".linux"/],
    [
      'one section too many',
      { sections: [...merged.sections, { name: '.extra', address: 0x9000, data: Buffer.alloc(1) }] },
      /There are 6 sections, not 5/,
    ],
    ['an exchanged order', withSection('.osrel', { name: '.initrd' }), /twice|not where it belongs/],
  ];
  it.each(wrong)('refuses %s', (_, pe, message) => {
    expect(findings(makePe(pe)).join('\n')).toMatch(message);
  });

  it('refuses an image cut short anywhere, with an error of ours', () => {
    const image = makePe(merged);
    for (let length = 0; length < image.length; length += 97) {
      expect(findings(image.subarray(0, length)), `${length} bytes`).not.toEqual([]);
    }
  });

  it('refuses any single bit that differs in the payload or the headers', () => {
    const image = makePe(merged);
    for (let at = 0; at < image.length; at += 61) {
      const changed = Buffer.from(image);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(findings(changed), `byte ${at}`).not.toEqual([]);
    }
  });
});
