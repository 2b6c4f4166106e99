import { crc32 } from 'node:zlib';
import { parseGpt } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import {
  BACKUP_SECTORS,
  EFI_SYSTEM_PARTITION,
  encodeGpt,
  type GptPartition,
  PRIMARY_SECTORS,
} from '../../src/image/gpt.ts';
import { imageGuid } from '../../src/image/image-guid.ts';

const guid = '12345678-9abc-8def-8123-456789abcdef';
const esp: GptPartition = {
  type: EFI_SYSTEM_PARTITION,
  guid,
  firstLba: 2048,
  lastLba: 4095,
  name: 'EFI System Partition',
};
const disk = { guid, sectors: 6144, partitions: [esp] };

describe('encodeGpt()', () => {
  it('writes a primary table that the measuring side reads', () => {
    const { primary } = encodeGpt(disk);
    expect(primary.length).toBe(PRIMARY_SECTORS * 512);
    const gpt = parseGpt(primary);
    expect(gpt.diskGuid).toBe(guid);
    expect(gpt.partitions).toHaveLength(1);
    expect(gpt.partitions[0]).toMatchObject({
      typeGuid: EFI_SYSTEM_PARTITION,
      uniqueGuid: guid,
      firstLba: 2048n,
      lastLba: 4095n,
      attributes: 0n,
      name: 'EFI System Partition',
    });
  });

  it('lets each header point to itself, to the other and to its own entries', () => {
    const { primary, backup } = encodeGpt(disk);
    const first = new DataView(primary.buffer, 512, 92);
    const second = new DataView(backup.buffer, (BACKUP_SECTORS - 1) * 512, 92);
    const pointers = (view: DataView) =>
      [24, 32, 40, 48, 72].map((at) => Number(view.getBigUint64(at, true)));
    expect(pointers(first)).toEqual([1, 6143, 34, 6110, 2]);
    expect(pointers(second)).toEqual([6143, 1, 34, 6110, 6111]);
    expect(primary.subarray(1024)).toEqual(backup.subarray(0, -512));
  });

  it('gives both headers right checksums', () => {
    const { primary, backup } = encodeGpt(disk);
    for (const header of [primary.slice(512, 604), backup.slice(-512, -512 + 92)]) {
      const view = new DataView(header.buffer);
      const [own, entries] = [view.getUint32(16, true), view.getUint32(88, true)];
      view.setUint32(16, 0, true);
      expect(own).toBe(crc32(header));
      expect(entries).toBe(crc32(primary.subarray(1024)));
    }
  });

  it('protects the whole disk from tools that know MBR only', () => {
    const { primary } = encodeGpt(disk);
    expect([...primary.subarray(446, 462)]).toEqual([
      0, 0, 2, 0, 0xee, 255, 255, 255, 1, 0, 0, 0, 0xff, 0x17, 0, 0,
    ]);
    expect([...primary.subarray(510, 512)]).toEqual([0x55, 0xaa]);
  });

  it.each([
    ['over the primary table', [{ ...esp, firstLba: 33 }]],
    ['over the backup table', [{ ...esp, lastLba: 6111 }]],
    ['backwards', [{ ...esp, lastLba: 2047 }]],
    ['over each other', [esp, { ...esp, firstLba: 4095, lastLba: 5000 }]],
    ['with too long a name', [{ ...esp, name: 'x'.repeat(37) }]],
    ['in too great a number', Array(129).fill(esp)],
  ])('refuses partitions %s', (_, partitions) => {
    expect(() => encodeGpt({ ...disk, partitions })).toThrow(/^Cannot write the partition table/);
  });
});

describe('imageGuid()', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;

  it('gives a GUID of version 8 and the RFC variant', () => {
    expect(imageGuid(digest, 'disk')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it('depends on image and purpose only', () => {
    // printf 'disk\0sha256:abab…' | sha256sum, with version and variant set
    expect(imageGuid(digest, 'disk')).toBe('c69da670-c1d2-8453-b64f-e23307d38b25');
    expect(imageGuid(digest, 'partition')).not.toBe(imageGuid(digest, 'disk'));
    expect(imageGuid(`${digest}0`, 'disk')).not.toBe(imageGuid(digest, 'disk'));
  });
});
