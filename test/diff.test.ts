import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { withTempDir } from './bench/altee-command.ts';
import { startAltee } from './support/altee.ts';
import { exampleManifest } from './support/examples.ts';
import { testProject } from './support/project.ts';

/** `altee diff` of what real builds left. */
const diff = (...args: readonly string[]) => startAltee(['diff', '--offline', ...args]).ended;

async function built(out: string, change: (text: string) => string, source = 'one'): Promise<void> {
  await using project = await testProject({
    run: 'cp app "$OUT/hello"; cp data "$OUT"; chmod 755 "$OUT/data"',
    manifest: change,
  });
  await writeFile(join(project.folder, 'src/data'), `first\n${source}\nlast\n`);
  const { exitCode, stderr } = await startAltee(['build', '--offline', project.manifest, '--out', out]).ended;
  if (exitCode !== 0) throw new Error(stderr);
}

describe('altee diff', () => {
  beforeAll(async () => {
    const { exitCode, stderr } = await startAltee(['build', '--offline', exampleManifest('hello')]).ended;
    if (exitCode !== 0) throw new Error(stderr);
  });

  it('leads from two results folders to the line of a file in the initramfs, and to the registers', () =>
    withTempDir(async (dir) => {
      const [a, b] = [join(dir, 'a'), join(dir, 'b')];
      await built(a, (text) => text);
      expect(await diff(a, a)).toMatchObject({ exitCode: 0, stdout: 'Equal\n' });
      await built(b, (text) => text, 'two');
      const html = join(dir, 'page.html');
      const { exitCode, stdout } = await diff(a, b, '--html', html);
      expect(exitCode).toBe(3);
      expect(stdout).toMatch(/content › app\/data\s+text/);
      expect(stdout).toContain('- 2: one');
      expect(stdout).toContain('+ 2: two');
      expect(stdout).toContain('as in faulty.efi');
      expect(stdout).toContain('Registers that move: PCR4, PCR5, PCR9, PCR11 on a TPM');
      const page = await readFile(html, 'utf8');
      expect(page).toContain('app/data');
      expect(page).not.toMatch(/<script|https?:\/\//);
      const described = await diff(a, b, '--json', '--platform-file', exampleManifest('hello'));
      const { registers } = JSON.parse(described.stdout);
      expect(registers.platforms[0]).toMatchObject({ platform: 'lab', source: 'described-machine' });
      const moving = registers.platforms[0].registers.filter(
        (each: { status: string }) => each.status === 'moves',
      );
      expect(moving.map((each: { register: string }) => each.register)).toEqual(
        expect.arrayContaining(['PCR4', 'PCR5', 'PCR9', 'PCR11']),
      );
    }));

  it('says that no register moves where the container alone differs', () =>
    withTempDir(async (dir) => {
      await built(join(dir, 'a'), (text) => text);
      const [disk, image] = [join(dir, 'a/faulty.disk'), join(dir, 'a/faulty.efi')];
      const bytes = await readFile(disk);
      // The last byte of the space behind the partition.
      const space = bytes.length - 34 * 512;
      bytes[space] = (bytes[space] ?? 0) ^ 1;
      await writeFile(join(dir, 'b.disk'), bytes);
      const found = await diff(disk, join(dir, 'b.disk'));
      expect(found.stdout).toContain('space between the partitions');
      expect(found.stdout).toMatch(/Container only: no register moves\n$/);
      expect(found.exitCode).toBe(3);
      const efi = await readFile(image);
      // CheckSum of the PE header, which no digest covers.
      efi[0x80 + 24 + 64] = (efi[0x80 + 24 + 64] ?? 0) ^ 1;
      await writeFile(join(dir, 'b.efi'), efi);
      const other = await diff(image, join(dir, 'b.efi'));
      expect(other.stdout).toMatch(/CheckSum +0x/);
      expect(other.stdout).toMatch(/Container only: no register moves\n$/);
    }));

  it('refuses what cannot be compared', () =>
    withTempDir(async (dir) => {
      const file = join(dir, 'file');
      await writeFile(file, 'x');
      await mkdir(join(dir, 'folder'));
      for (const [a, b, message] of [
        [file, join(dir, 'nothing'), 'there is no such file or folder'],
        [file, join(dir, 'folder'), 'a file, with'],
        ['/dev/null', file, 'it is neither a file nor a folder'],
      ] as const) {
        const { exitCode, stderr } = await diff(a, b);
        expect(stderr).toContain(message);
        expect(exitCode).toBe(2);
      }
    }));

  it('tells damaged and hostile images as such', () =>
    withTempDir(async (dir) => {
      await built(join(dir, 'a'), (text) => text);
      const image = join(dir, 'a/faulty.efi');
      const bytes = await readFile(image);
      await writeFile(join(dir, 'cut.efi'), bytes.subarray(0, 0x90));
      const cut = await diff(image, join(dir, 'cut.efi'));
      expect(cut.exitCode).toBe(3);
      expect(cut.stdout).toContain('B cannot be taken apart');
      expect(cut.stdout).toContain('Registers cannot be computed');
      expect(cut.stdout).not.toContain('Container only');
      await cp(join(dir, 'a'), join(dir, 'c'), { recursive: true });
      await copyFile(join(dir, 'cut.efi'), join(dir, 'c/faulty.efi'));
      expect((await diff(join(dir, 'a'), join(dir, 'c'))).exitCode).toBe(3);
    }));

  it('says when diffoscope is not there', () =>
    withTempDir(async (dir) => {
      await writeFile(join(dir, 'a'), 'a');
      await writeFile(join(dir, 'b'), 'b');
      const args = ['diff', join(dir, 'a'), join(dir, 'b'), '--diffoscope'];
      const { exitCode, stderr } = await startAltee(args, { env: { PATH: dir } }).ended;
      expect(stderr).toContain('diffoscope is not installed');
      expect(exitCode).toBe(3);
    }));
});
