import { describe, expect, it } from 'vitest';
import { ascii } from '../../src/bytes/text.ts';
import { checkUki } from '../../src/index.ts';
import { type MadeSection, makeKernel, makePe, makeUki } from '../make-pe.ts';

const magic: MadeSection = { name: '.sdmagic', data: ascii('#### LoaderInfo: systemd-stub 257 ####') };
const linux: MadeSection = { name: '.linux', data: makeKernel() };
const good = makePe([magic, linux]);

// Offsets in a file of makePe(): optional header at 0x58, section table at 0x148.
const optional = 0x58;
const row = (index: number, field: number): number => 0x148 + 40 * index + field;
const field = { virtualSize: 8, virtualAddress: 12, rawSize: 16, rawOffset: 20 };

function patched(at: number, value: number, bytes = good): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
}

const codes = (bytes: Uint8Array): string[] => checkUki(bytes).map(({ code }) => code);

describe('checkUki()', () => {
  it('finds nothing in a well-formed image', () => {
    expect(checkUki(good)).toEqual([]);
  });

  it.each([
    ['another machine', patched(0x44, 0x0003_aa64), 'machine'],
    ['another subsystem', patched(optional + 68, 3), 'subsystem'],
    ['a section alignment below a page', patched(optional + 32, 0x200), 'alignment'],
    ['a file alignment of zero', patched(optional + 36, 0), 'alignment'],
    ['an address that is not aligned', patched(row(2, field.virtualAddress), 0x3010), 'alignment'],
    ['raw data that is not aligned', patched(row(2, field.rawOffset), 0xc10), 'alignment'],
    ['sections out of order', patched(row(1, field.virtualAddress), 0x9000), 'order'],
    ['sections that overlap in memory', patched(row(1, field.virtualSize), 0x1001), 'overlap'],
    ['sections that overlap in the file', patched(row(2, field.rawOffset), 0xa00), 'overlap'],
    ['a section over the headers', patched(row(0, field.rawOffset), 0x400), 'overlap'],
    ['a SizeOfImage too small', patched(optional + 56, 0x2000), 'size-of-image'],
    ['a SizeOfImage too large', patched(optional + 56, 0x10000), 'size-of-image'],
    ['headers that end inside the section table', patched(optional + 60, 0x180), 'size-of-headers'],
    ['raw data past the end', patched(row(2, field.rawSize), 0x10000), 'past-end'],
    ['headers past the end', patched(optional + 60, 0x100000), 'past-end'],
    ['an empty section', patched(row(1, field.virtualSize), 0), 'empty-section'],
    ['an entry point in data', patched(optional + 16, 0x2000), 'entry-point'],
    ['an entry point nowhere', patched(optional + 16, 0xffff_ffff), 'entry-point'],
    ['a symbol table', patched(0x4c, 0x1234), 'symbols'],
    ['a debug directory', patched(optional + 112 + 6 * 8 + 4, 28), 'debug-directory'],
    ['bytes between the sections', patched(0xbfc, 1), 'uncovered-bytes'],
    ['bytes after the section table', patched(0x700, 1), 'uncovered-bytes'],
    ['no kernel', makePe([magic]), 'missing-section'],
    ['two kernels', makePe([magic, linux, linux]), 'duplicate-section'],
    ['no stub', makePe([linux]), 'unknown-stub'],
    [
      'another loader',
      makePe([{ ...magic, data: ascii('#### LoaderInfo: grub 2.12 ####') }, linux]),
      'unknown-stub',
    ],
    ['no PE file', ascii('#!/bin/sh'), 'unreadable'],
    ['no bytes', new Uint8Array(0), 'unreadable'],
  ])('finds %s', (_, bytes, code) => {
    expect(codes(bytes)).toContain(code);
  });

  it('allows the base’s names again after ".profile"', () => {
    const cmdline = { name: '.cmdline', data: ascii('a') };
    expect(
      codes(makePe([magic, linux, cmdline, { name: '.profile', data: ascii('ID=a') }, cmdline])),
    ).toEqual([]);
  });

  it('says in words what is wrong and where', () => {
    expect(checkUki(patched(row(2, field.rawSize), 0x10000))).toContainEqual({
      severity: 'refused',
      code: 'past-end',
      message: 'Section ".linux" ends at 0x10c00, past the end of the file (0x1400)',
    });
  });

  it('tells what varies from what firmware refuses', () => {
    expect(checkUki(patched(0x700, 1)).map(({ severity }) => severity)).toEqual(['variable']);
    expect(checkUki(makeUki('257', {})).map(({ severity }) => severity)).toEqual(['refused']);
  });
});
