import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifest } from '@altee/manifest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyElf } from '../../builder/test/app/tiny-elf.ts';
import { tempFolder } from '../../builder/test/temp.ts';
import { altee } from './run-altee.ts';

let dir: Awaited<ReturnType<typeof tempFolder>>;
const before = process.cwd();
beforeEach(async () => {
  dir = await tempFolder();
  process.chdir(dir.path);
});
afterEach(async () => {
  process.chdir(before);
  await dir[Symbol.asyncDispose]();
});

async function manifestIn(folder: string) {
  const file = join(folder, 'altee.yaml');
  return parseManifest(await readFile(file), file);
}

describe('altee init', () => {
  it('writes a project that parses, named after its folder, and says what to do next', async () => {
    const { exitCode, stdout } = await altee('init', 'My Signer');
    expect(exitCode).toBe(0);
    expect(await manifestIn('My Signer')).toMatchObject({
      name: 'my-signer',
      app: { build: { source: 'src', entrypoint: 'my-signer' } },
    });
    expect(stdout).toBe(
      [
        'Wrote My Signer/altee.yaml',
        'Wrote My Signer/.altee/altee.schema.json',
        'Wrote My Signer/.gitignore',
        'Wrote My Signer/src/main.go',
        "Next: altee build 'My Signer/altee.yaml'",
        '',
      ].join('\n'),
    );
  });

  it('writes into the current folder without an argument', async () => {
    await mkdir('here');
    process.chdir('here');
    const { stdout } = await altee('init', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ manifestFile: 'altee.yaml' });
    expect(await manifestIn('.')).toMatchObject({ name: 'here' });
  });

  it.each([
    ['Größe 2', 'gr-e-2'],
    ['...', 'app'],
    ['42nd', 'nd'],
    ['日本', 'app'],
    ['it\'s "quoted" $(x)', 'it-s-quoted-x'],
    ['true', 'true'],
    ['null', 'null'],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ])('makes of the folder %s the name %s', async (folder, name) => {
    const { exitCode, stderr } = await altee('init', `./${folder}/`);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect((await manifestIn(folder)).name).toBe(name);
  });

  it('refuses a name that is none, and writes nothing', async () => {
    const { exitCode, stderr } = await altee('init', 'x', '--name', 'Not_One');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/altee\.yaml:\d+:\d+: "name"/);
    expect(await readdir('.')).toEqual([]);
  });

  it.each(['altee.yaml', '.gitignore', 'src/main.go', '.altee/altee.schema.json'])(
    'overwrites nothing: not %s, and writes no other file either',
    async (name) => {
      await mkdir(join('x', name, '..'), { recursive: true });
      await writeFile(join('x', name), 'mine');
      const { exitCode, stderr } = await altee('init', 'x');
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`"x/${name}" is there already`);
      expect(await readFile(join('x', name), 'utf8')).toBe('mine');
      const files = (await readdir('x', { recursive: true, withFileTypes: true })).filter((one) =>
        one.isFile(),
      );
      expect(files).toHaveLength(1);
    },
  );

  it('says that a file is no folder', async () => {
    await writeFile('x', '');
    const { exitCode, stderr } = await altee('init', 'x');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Cannot write to "x"');
  });

  it('describes a static executable in the folder by path and digest', async () => {
    await mkdir('x/bin', { recursive: true });
    await writeFile('x/bin/signer', tinyElf());
    expect(await altee('init', 'x', '--static', 'x/bin/signer')).toMatchObject({ exitCode: 0, stderr: '' });
    const { app } = await manifestIn('x');
    expect(app.static).toEqual({
      path: expect.stringMatching(/^(?:\.\/)?bin\/signer$/),
      sha256: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    });
    expect(await readdir('x/bin')).toEqual(['signer']);
  });

  it('copies a static executable from elsewhere into the folder', async () => {
    await writeFile('signer-linux-amd64', tinyElf());
    const { exitCode, stdout } = await altee('init', 'x', '--static', './signer-linux-amd64');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Wrote x/signer-linux-amd64\n');
    expect(new Uint8Array(await readFile('x/signer-linux-amd64'))).toEqual(tinyElf());
    expect((await stat('x/signer-linux-amd64')).mode & 0o100).toBe(0o100);
    expect((await manifestIn('x')).app.static?.path).toMatch(/signer-linux-amd64$/);
  });

  it('does not copy over a file of the same name', async () => {
    await writeFile('signer', tinyElf());
    await mkdir('x');
    await writeFile('x/signer', 'mine');
    expect(await altee('init', 'x', '--static', 'signer')).toMatchObject({ exitCode: 2 });
    expect(await readFile('x/signer', 'utf8')).toBe('mine');
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'a dynamic executable',
      tinyElf({ type: 3, interpreter: '/lib/ld-musl-x86_64.so.1' }),
      /wants the loader "\/lib\/ld-musl/,
    ],
    ['an executable for ARM', tinyElf({ machine: 183 }), /built for 64-bit ARM/],
    ['a script', new TextEncoder().encode('#!/bin/sh\n'), /a script/],
    ['an empty file', new Uint8Array(), /empty/],
  ])('refuses %s as static, and writes nothing', async (_what, bytes, reason) => {
    await writeFile('app', bytes);
    await chmod('app', 0o755);
    const { exitCode, stderr } = await altee('init', 'x', '--static', 'app');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(reason);
    expect(await readdir('.')).toEqual(['app']);
  });

  it('says that there is no such executable', async () => {
    const { exitCode, stderr } = await altee('init', 'x', '--static', 'none');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Cannot read "none"');
    expect(await readdir('.')).toEqual([]);
  });
});
