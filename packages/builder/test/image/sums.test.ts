import { chmod, mkdir, readFile, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSums, SUMS_FILE, verifySums, writeSums } from '../../src/image/sums.ts';
import { judge } from './judge.ts';
import { scratch } from './scratch.ts';

async function dist(): Promise<string> {
  const folder = await scratch();
  await mkdir(join(folder, 'eventlog'));
  await writeFile(join(folder, 'eventlog/lab.bin'), 'log');
  await writeFile(join(folder, 'hello.efi'), 'efi');
  await writeFile(join(folder, 'Änderung'), '');
  await writeFile(join(folder, 'eventlog.txt'), 'text');
  return folder;
}

describe('writeSums()', () => {
  it('lists every file, sorted by the bytes of its path, itself left out', async () => {
    const folder = await dist();
    await writeSums(folder);
    const text = await writeSums(folder);
    expect(text).toBe(await readFile(join(folder, SUMS_FILE), 'utf8'));
    expect(text.split('\n').map((line) => line.slice(66))).toEqual([
      'eventlog.txt',
      'eventlog/lab.bin',
      'hello.efi',
      'Änderung',
      '',
    ]);
  });

  const sha256sum = judge('sha256sum');
  it.skipIf(sha256sum === undefined)('is understood by sha256sum', async () => {
    const folder = await dist();
    await writeSums(folder);
    expect(await sha256sum?.run(['-c', '--strict', '--quiet', SUMS_FILE], { cwd: folder })).toEqual({
      code: 0,
      text: '',
    });
    await writeFile(join(folder, 'hello.efi'), 'other');
    expect((await sha256sum?.run(['-c', '--quiet', SUMS_FILE], { cwd: folder }))?.code).toBe(1);
  });

  it('refuses what is no regular file, and names with line breaks', async () => {
    const folder = await dist();
    await symlink('hello.efi', join(folder, 'link'));
    await expect(writeSums(folder)).rejects.toThrow(/link" is no regular file/);
    await unlink(join(folder, 'link'));
    await writeFile(join(folder, 'a\nb'), '');
    await expect(writeSums(folder)).rejects.toThrow(/"a\\nb" can't stand in SHA256SUMS/);
  });
});

describe('verifySums()', () => {
  it('finds nothing in a folder as it was written', async () => {
    const folder = await dist();
    await writeSums(folder);
    await chmod(join(folder, 'hello.efi'), 0o600);
    expect(await verifySums(folder)).toEqual([]);
  });

  it('names what changed, is missing and came in addition', async () => {
    const folder = await dist();
    await writeSums(folder);
    await writeFile(join(folder, 'hello.efi'), 'EFI');
    await unlink(join(folder, 'eventlog.txt'));
    await writeFile(join(folder, 'new'), '');
    expect(await verifySums(folder)).toEqual([
      { path: 'eventlog.txt', problem: 'missing' },
      { path: 'hello.efi', problem: 'different' },
      { path: 'new', problem: 'unlisted' },
    ]);
  });

  it('says where there are no sums', async () => {
    const folder = await dist();
    await expect(verifySums(folder)).rejects.toThrow(/SHA256SUMS": there is no such file/);
  });
});

describe('parseSums()', () => {
  const digest = '0'.repeat(64);

  it.each([
    ['a short digest', `${'0'.repeat(63)}  a\n`],
    ['upper case', `${'A'.repeat(64)}  a\n`],
    ['one space', `${digest} a\n`],
    ['no path', `${digest}  \n`],
    ['an absolute path', `${digest}  /etc/passwd\n`],
    ['a path out of the folder', `${digest}  a/../../b\n`],
    ['an empty line', `${digest}  a\n\n`],
    ['no line break at the end', `${digest}  a`],
    ['a path twice', `${digest}  a\n${digest}  a\n`],
    ['an escaped name', `\\${digest}  a\\nb\n`],
  ])('refuses %s', (_, text) => {
    expect(() => parseSums(text, 'SHA256SUMS')).toThrow(/^Cannot use the checksums: "SHA256SUMS"/);
  });
});
