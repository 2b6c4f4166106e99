import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGpt } from '@altee/measure';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeDisk } from '../../src/image/disk.ts';
import { BOOT_FILE } from '../../src/image/esp.ts';
import { judge } from './judge.ts';
import { readFat } from './read-fat.ts';
import { scratch } from './scratch.ts';

const isRoot = process.getuid?.() === 0;

async function efiFile(folder: string, size = 5_000_001): Promise<string> {
  const path = join(folder, 'image.efi');
  await writeFile(path, Buffer.alloc(size, 'an EFI file'));
  return path;
}

describe('writeDisk()', () => {
  it('puts the EFI file where firmware looks for it', async () => {
    const folder = await scratch();
    const efi = await efiFile(folder);
    const out = join(folder, 'image.disk');
    const { bytes, diskGuid, partitionGuid } = await writeDisk({ efi, out });
    const disk = await readFile(out);
    expect(disk.length).toBe(bytes);
    expect(bytes % (1 << 20)).toBe(0);
    const gpt = parseGpt(disk);
    const [partition] = gpt.partitions;
    expect([gpt.diskGuid, partition?.uniqueGuid]).toEqual([diskGuid, partitionGuid]);
    const esp = disk.subarray(Number(partition?.firstLba) * 512, (Number(partition?.lastLba) + 1) * 512);
    expect(
      readFat(esp)
        .readFile(BOOT_FILE)
        .equals(await readFile(efi)),
    ).toBe(true);
  });

  it('gives the same bytes for the same file whatever folder, umask, time zone or older file there is', async () => {
    const [one, two] = [await scratch(), await scratch()];
    await writeDisk({ efi: await efiFile(one), out: join(one, 'image.disk') });
    await writeFile(join(two, 'other.disk'), Buffer.alloc(9 << 20, 1), { mode: 0o600 });
    const [umask, zone] = [process.umask(0o077), process.env['TZ']];
    try {
      process.env['TZ'] = 'Pacific/Chatham';
      await writeDisk({ efi: await efiFile(two), out: join(two, 'other.disk') });
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
      process.umask(umask);
    }
    expect((await readFile(join(one, 'image.disk'))).equals(await readFile(join(two, 'other.disk')))).toBe(
      true,
    );
    expect((await stat(join(two, 'other.disk'))).mode & 0o777).toBe(0o644);
  });

  it('gives another disk and other identifiers for another file', async () => {
    const folder = await scratch();
    const first = await writeDisk({ efi: await efiFile(folder, 1000), out: join(folder, 'a') });
    const second = await writeDisk({ efi: await efiFile(folder, 1001), out: join(folder, 'b') });
    expect(first.diskGuid).not.toBe(second.diskGuid);
    expect(first.partitionGuid).not.toBe(second.partitionGuid);
  });

  it('leaves holes where there is no data', async () => {
    const folder = await scratch();
    const out = join(folder, 'image.disk');
    const { bytes } = await writeDisk({ efi: await efiFile(folder, 1000), out });
    expect((await stat(out)).blocks * 512).toBeLessThan(bytes / 2);
  });

  it.each([
    ['is missing', async () => {}, /there is no such file/],
    ['is empty', (path: string) => writeFile(path, ''), /it is empty/],
    ['is a directory', (path: string) => mkdir(path), /it cannot be read/],
  ])('leaves nothing behind when the EFI file %s', async (_, make, message) => {
    const folder = await scratch();
    const efi = join(folder, 'image.efi');
    await make(efi);
    const before = await readdir(folder);
    const error = await writeDisk({ efi, out: join(folder, 'image.disk') }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'image-invalid', message: expect.stringMatching(message) });
    expect(await readdir(folder)).toEqual(before);
  });

  it('refuses a file of 4 GiB', async () => {
    const folder = await scratch();
    const efi = join(folder, 'image.efi');
    await writeFile(efi, '');
    await truncate(efi, 2 ** 32);
    await expect(writeDisk({ efi, out: join(folder, 'image.disk') })).rejects.toThrow(/less than 4 GiB/);
  });

  it('keeps the older disk when the new one cannot be written', async () => {
    const folder = await scratch();
    const out = join(folder, 'image.disk');
    await writeFile(out, 'older');
    await expect(writeDisk({ efi: join(folder, 'none'), out })).rejects.toThrow();
    expect(await readFile(out, 'utf8')).toBe('older');
  });

  it.runIf(isRoot)('says that the disk is full and leaves nothing there', async ({ skip }) => {
    const folder = await scratch();
    const small = join(folder, 'small');
    await mkdir(small);
    const mounted = await judge('mount')?.run(['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    if (mounted?.code !== 0) return skip('mounting is not allowed here');
    onTestFinished(async () => {
      await judge('umount')?.run([small]);
    });
    const error = await writeDisk({ efi: await efiFile(folder), out: join(small, 'image.disk') }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'disk-full' });
    expect(await readdir(small)).toEqual([]);
  });

  const sgdisk = judge('sgdisk');
  it.skipIf(sgdisk === undefined)('writes a partition table that sgdisk finds no problem with', async () => {
    const folder = await scratch();
    const out = join(folder, 'image.disk');
    await writeDisk({ efi: await efiFile(folder), out });
    const verified = await sgdisk?.run(['-v', out]);
    expect(verified).toMatchObject({ code: 0, text: expect.stringContaining('No problems found') });
    expect(verified?.text).not.toMatch(/warning|caution/i);
    expect((await sgdisk?.run(['-p', out]))?.text).toMatch(
      /1 +2048 +12287 +5\.0 MiB +EF00 +EFI System Partition/,
    );
  });

  const fsck = judge('fsck.fat');
  const mcopy = judge('mcopy');
  it.skipIf(fsck === undefined || mcopy === undefined).each([1, 5_000_001, 39_000_000])(
    'writes a file system of %i bytes that fsck.fat finds clean and mcopy reads',
    async (size) => {
      const folder = await scratch();
      const efi = await efiFile(folder, size);
      const out = join(folder, 'image.disk');
      await writeDisk({ efi, out });
      const [partition] = parseGpt(await readFile(out)).partitions;
      const esp = (await readFile(out)).subarray(1 << 20, (Number(partition?.lastLba) + 1) * 512);
      await writeFile(join(folder, 'esp'), esp);
      const checked = await fsck?.run(['-nv', join(folder, 'esp')]);
      expect(checked?.code, checked?.text).toBe(0);
      await mcopy?.run(['-n', '-i', `${out}@@1M`, `::${BOOT_FILE}`, join(folder, 'copy')]);
      expect((await readFile(join(folder, 'copy'))).equals(await readFile(efi))).toBe(true);
    },
  );
});
