import { readdirSync } from 'node:fs';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeGptEvent,
  eventTypes,
  findEsp,
  MeasureError,
  parseEventLog,
  parseGpt,
} from '../../src/index.ts';
import { crc32 } from '../../src/uefi/crc32.ts';
import { makeDisk, makeEntry, seal } from '../make-disk.ts';
import { haveVectors, vectorBytes, vectorPath } from '../vectors.ts';

const data = '0fc63daf-8483-4772-8e79-3d69d8477de4';

function patched(at: number, value: number): Uint8Array {
  const disk = makeDisk({ 0: makeEntry() });
  new DataView(disk.buffer).setUint32(512 + at, value, true);
  return seal(disk);
}

describe('parseGpt()', () => {
  it('reads the used entries with their numbers', () => {
    const gpt = parseGpt(makeDisk({ 1: makeEntry(data, 'data'), 5: makeEntry() }));
    expect(gpt.diskGuid).toBe('11111111-2222-3333-4444-555555555555');
    expect(gpt.partitions.map(({ number, name }) => [number, name])).toEqual([
      [2, 'data'],
      [6, 'esp'],
    ]);
    expect(findEsp(gpt)).toMatchObject({ number: 6, firstLba: 2048n, lastLba: 4095n });
  });

  it('says that a disk without a table has none', () => {
    expect(() => parseGpt(new Uint8Array(4096))).toThrow('There is no GPT header at 0x200');
    expect(() => parseGpt(new Uint8Array(0))).toThrow(MeasureError);
  });

  it.each([
    [
      'a header checksum',
      makeDisk({ 0: makeEntry() }).fill(1, 512 + 60, 512 + 61),
      'GPT header: its CRC-32 is',
    ],
    [
      'an array checksum',
      makeDisk({ 0: makeEntry() }).fill(1, 2000, 2001),
      'GPT partition array: its CRC-32 is',
    ],
  ])('refuses %s that is wrong', (_, disk, message) => {
    expect(() => parseGpt(disk)).toThrow(message);
  });

  it.each([
    ['a header of 16 bytes', 12, 16, 'HeaderSize'],
    ['a header of 4 GiB', 12, 0xffff_ffff, 'HeaderSize'],
    ['another place of its own', 24, 2, 'MyLBA'],
    ['4 billion entries', 80, 0xffff_ffff, 'SizeOfPartitionEntry'],
    ['entries of 4 GiB', 84, 0xffff_ff80, 'SizeOfPartitionEntry'],
    ['entries of no size', 84, 0, 'SizeOfPartitionEntry'],
    ['an array past the end', 72, 1000, 'EFI_PARTITION_ENTRY.array at 0x7d000: needs 16384 bytes, 0 remain'],
  ])('refuses %s', (_, at, value, message) => {
    expect(() => parseGpt(patched(at, value))).toThrow(message);
  });

  it('throws nothing but MeasureError, wherever the disk is cut', () => {
    const disk = makeDisk({ 0: makeEntry() });
    for (let length = 0; length < disk.length; length += 61) {
      expect(() => parseGpt(disk.subarray(0, length))).toThrow(MeasureError);
    }
  });

  it('throws nothing but MeasureError for any header', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 91 }),
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        (at, bytes) => {
          const disk = makeDisk({ 0: makeEntry() });
          disk.set(bytes, 512 + at);
          try {
            parseGpt(seal(disk));
          } catch (error) {
            expect(error).toBeInstanceOf(MeasureError);
          }
        },
      ),
    );
  });
});

describe('encodeGptEvent()', () => {
  it('gives header, count and used entries', () => {
    const disk = makeDisk({ 0: makeEntry(), 3: makeEntry(data) });
    const event = encodeGptEvent(parseGpt(disk));
    expect(event.subarray(0, 92)).toEqual(disk.subarray(512, 604));
    expect(event.subarray(92, 100)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
    expect(event.subarray(100, 228)).toEqual(makeEntry());
    expect(event.subarray(228)).toEqual(makeEntry(data));
  });
});

describe.skipIf(!haveVectors)('encodeGptEvent() equals the event of real boots', () => {
  for (const boot of haveVectors ? readdirSync(vectorPath('ovmf-boots')) : []) {
    it(`gives ${boot}'s GPT event`, (test) => {
      const log = parseEventLog(vectorBytes('ovmf-boots', boot, 'eventlog.bin'));
      const event = log.events.find(
        ({ untrustedEventType }) => untrustedEventType === eventTypes.EV_EFI_GPT_EVENT,
      );
      if (!event) return test.skip('this disk has no partition table');
      // The event holds all that the disk's first sectors do, so that they can be made again.
      const seen = event.untrustedData;
      const disk = makeDisk({ 0: seen.subarray(100, 228) }, seen.subarray(0, 92));
      expect(encodeGptEvent(parseGpt(disk))).toEqual(seen);
    });
  }
});

describe('crc32()', () => {
  it.skipIf(zlibCrc32 === undefined)('agrees with zlib', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      }),
    );
  });

  it('gives the check value of its polynomial', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});
