import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOOT_FILE, encodeEsp } from '../../src/image/esp.ts';
import { planFat } from '../../src/image/fat-geometry.ts';
import { readFat } from './read-fat.ts';

function espWith(content: Buffer): Buffer {
  const { prefix, sectors } = encodeEsp({
    fileBytes: content.length,
    volumeId: 0x1234_abcd,
    hiddenSectors: 2048,
    unit: 2048,
  });
  return Buffer.concat([prefix, content, Buffer.alloc(sectors * 512 - prefix.length - content.length)]);
}

describe('encodeEsp()', () => {
  it.each([
    [0, 16],
    [1, 16],
    [511, 16],
    [513, 16],
    [5_000_000, 16],
    [33_000_000, 16],
    [34_000_000, 32],
    [39_000_001, 32],
  ])('holds a file of %i bytes, in FAT%i', (size, bits) => {
    const content = Buffer.alloc(size, 'EFI file ');
    const fat = readFat(espWith(content));
    expect(fat).toMatchObject({ bits, volumeId: 0x1234_abcd, label: 'ALTEE      ' });
    expect(fat.readFile(BOOT_FILE).equals(content)).toBe(true);
  });

  it('tells how much is free where FAT32 wants to know it', () => {
    const fat = espWith(Buffer.alloc(34_000_000));
    const { clusters } = readFat(fat);
    const used = 3 + Math.ceil(34_000_000 / 512);
    expect(fat.readUInt32LE(512 + 488)).toBe(clusters - used);
    expect(fat.readUInt32LE(512 + 492)).toBe(used + 2);
    expect(fat.subarray(0, 1024)).toEqual(fat.subarray(6 * 512, 8 * 512));
  });
});

describe('planFat()', () => {
  it('has room for the file and stays clear of the cluster counts where the type changes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (size) => {
        const plan = planFat(size, 2, 2048);
        const used = plan.reservedSectors + 2 * plan.fatSectors + plan.rootSectors;
        expect(plan.sectors % 2048).toBe(0);
        expect(used + plan.clusters * plan.sectorsPerCluster).toBeLessThanOrEqual(plan.sectors);
        expect((plan.clusters - 3) * plan.sectorsPerCluster * 512).toBeGreaterThanOrEqual(size);
        expect((plan.fatSectors * 512 * 8) / plan.bits).toBeGreaterThanOrEqual(plan.clusters + 2);
        const [min, max] = plan.bits === 16 ? [4085 + 16, 65525 - 16] : [65525 + 16, 0x0fff_fff5];
        expect(plan.clusters).toBeGreaterThanOrEqual(min);
        expect(plan.clusters).toBeLessThan(max);
      }),
    );
  });

  it('wastes less than 2 MiB and the clusters of the tables', () => {
    for (const size of [3_000_000, 5_000_000, 20_000_000, 40_000_000, 500_000_000]) {
      const { sectors, fatSectors } = planFat(size, 2, 2048);
      expect(sectors * 512 - 2 * fatSectors * 512 - size).toBeLessThan(2 << 20);
    }
  });

  it('refuses a file of 4 GiB', () => {
    expect(() => planFat(2 ** 32, 2, 2048)).toThrow(/FAT takes less than 4 GiB/);
  });
});
