import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Store } from '@altee/builder';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tempFolder } from '../../builder/test/temp.ts';
import { altee } from './run-altee.ts';

let dir: Awaited<ReturnType<typeof tempFolder>>;
beforeEach(async () => {
  dir = await tempFolder();
  vi.stubEnv('ALTEE_CACHE', dir.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await dir[Symbol.asyncDispose]();
});

/** Puts a file into the store as an earlier altee would have, `days` ago, and gives its path. */
async function storedFile(content: string, days = 0): Promise<string> {
  const hex = createHash('sha256').update(content).digest('hex');
  // Behind the store's back: what this process enters itself is in use as long as it lives.
  const store = await Store.open(dir.path);
  const path = store.filePath(`sha256:${hex}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  const used = new Date(Date.now() - days * 86_400_000);
  await utimes(path, used, used);
  return path;
}

describe('altee cache', () => {
  it('shows the folder, and number and size of each kind', async () => {
    await storedFile('x'.repeat(1500));
    await storedFile('y'.repeat(500));
    const { exitCode, stdout } = await altee('cache');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')[0]).toBe(dir.path);
    expect(stdout).toMatch(/^ {2}fetched files +2 +2\.0 kB$/m);
    expect(stdout).toMatch(/^ {2}step outputs +0 +0 B$/m);
  });

  it('makes a store where there is none', async () => {
    vi.stubEnv('ALTEE_CACHE', join(dir.path, 'deep', 'er'));
    const { exitCode, stdout } = await altee('cache', 'show', '--all', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ dir: join(dir.path, 'deep', 'er'), entries: [] });
  });

  it('says which folder it cannot use', async () => {
    await writeFile(join(dir.path, 'file'), '');
    vi.stubEnv('ALTEE_CACHE', join(dir.path, 'file'));
    const { exitCode, stderr } = await altee('cache');
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`Cannot use "${join(dir.path, 'file')}" as the store`);
    expect(stderr).toContain('ALTEE_CACHE');
  });

  it('prunes what was not used for so many days, and first only says so', async () => {
    const old = await storedFile('old', 40);
    const young = await storedFile('young', 20);
    const tried = await altee('cache', 'prune', '--older-than', '30', '--dry-run');
    expect(tried).toMatchObject({ exitCode: 0, stdout: 'Would remove 1 entries, 3 B\n' });
    const { stdout } = await altee('cache', 'prune', '--older-than', '30', '--json');
    expect(JSON.parse(stdout).removed).toMatchObject([{ kind: 'file', path: old, size: 3 }]);
    const { stdout: rest } = await altee('cache', '--json');
    expect(JSON.parse(rest).entries).toMatchObject([{ path: young }]);
  });

  it('prunes the least recently used until the rest is small enough', async () => {
    await storedFile('a'.repeat(600), 2);
    const young = await storedFile('b'.repeat(600), 1);
    await altee('cache', 'prune', '--max-size', '0.000001');
    const { stdout } = await altee('cache', '--json');
    expect(JSON.parse(stdout).entries).toMatchObject([{ path: young }]);
  });

  it('verify ends with 0 where all is well, and with 3 where it removed something', async () => {
    const path = await storedFile('good');
    expect(await altee('cache', 'verify')).toMatchObject({
      exitCode: 0,
      stdout: 'Every file is what its name says\n',
    });
    await chmod(path, 0o644);
    await writeFile(path, 'evil');
    const { exitCode, stdout } = await altee('cache', 'verify');
    expect(exitCode).toBe(3);
    expect(stdout).toContain(path);
    expect(stdout).toContain(createHash('sha256').update('evil').digest('hex'));
    expect(await readdir(dirname(path))).toEqual([]);
  });
});
