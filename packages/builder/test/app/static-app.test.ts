import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../src/app/build-app.ts';
import { takeStatic } from '../../src/app/static-app.ts';
import { sandboxExecutor } from '../../src/executor/sandbox.ts';
import { silentReporter } from '../../src/report.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';
import { tinyElf } from './tiny-elf.ts';

const bytes = tinyElf();
const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('takeStatic()', () => {
  it('takes the executable that the manifest names, ready to run', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    await mkdir(join(folder.path, 'bin'));
    await writeFile(join(folder.path, 'bin/app'), bytes, { mode: 0o600 });
    const app = await takeStatic(store, { path: './bin/app', sha256 }, folder.path);
    expect(app.entrypoint).toBe('app');
    expect(new Uint8Array(await readFile(join(app.folder, 'app')))).toEqual(bytes);
    expect((await stat(join(app.folder, 'app'))).mode & 0o777).toBe(0o755);
  });

  it('shows both digests where another file lies there', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    await writeFile(join(folder.path, 'app'), 'something else');
    const actual = createHash('sha256').update('something else').digest('hex');
    await expect(takeStatic(store, { path: 'app', sha256 }, folder.path)).rejects.toMatchObject({
      code: 'app-unusable',
      details: [`manifest: ${sha256}`, `file:     sha256:${actual}`],
    });
  });

  const unreadable: [what: string, path: string, why: string][] = [
    ['a missing file', 'nothing', 'there is no such file'],
    ['a folder', 'store', 'it is a folder'],
    ['a device', 'zero', 'it is no regular file'],
  ];
  it.each(unreadable)('says that it got %s', async (_what, path, why) => {
    await using folder = await tempFolder();
    await symlink('/dev/zero', join(folder.path, 'zero'));
    const store = await Store.open(join(folder.path, 'store'));
    await expect(takeStatic(store, { path, sha256 }, folder.path)).rejects.toMatchObject({
      code: 'invalid-input',
      message: `Cannot read the application "${path}": ${why}`,
    });
  });
});

describe('buildApp()', () => {
  it('says which kinds of application it does not build yet', async () => {
    await using folder = await tempFolder();
    const store = await Store.open(join(folder.path, 'store'));
    const context = { executor: sandboxExecutor(), store, reporter: silentReporter };
    const app = {
      args: [],
      env: {},
      user: { uid: 1000, gid: 1000 },
      workdir: '/',
      limits: { openFiles: 1024, processes: 64 },
      onExit: 'poweroff' as const,
      dockerfile: { context: '.', file: 'Dockerfile' },
    };
    await expect(buildApp(context, { app, folder: folder.path, root: undefined })).rejects.toMatchObject({
      code: 'invalid-input',
      message: '"app.dockerfile" is not supported yet',
    });
  });
});
