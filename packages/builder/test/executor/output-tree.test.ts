import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderBytes } from '../../src/executor/limits.ts';
import { normaliseOutput, treeDigest } from '../../src/executor/output-tree.ts';
import { tempFolder } from '../temp.ts';

async function makeTree(path: string): Promise<void> {
  await mkdir(join(path, 'b/empty'), { recursive: true });
  await writeFile(join(path, 'b/run'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(path, 'a'), 'text', { mode: 0o644 });
  await symlink('../nowhere', join(path, 'link'));
}

describe('treeDigest()', () => {
  it('does not depend on modes, times or the order of making', async () => {
    await using one = await tempFolder();
    await using two = await tempFolder();
    await makeTree(one.path);
    await symlink('../nowhere', join(two.path, 'link'));
    await writeFile(join(two.path, 'a'), 'text', { mode: 0o600 });
    await mkdir(join(two.path, 'b'), { mode: 0o700 });
    await writeFile(join(two.path, 'b/run'), '#!/bin/sh\n', { mode: 0o700 });
    await mkdir(join(two.path, 'b/empty'));
    await utimes(join(two.path, 'a'), 1, 1);
    expect(await treeDigest(two.path)).toBe(await treeDigest(one.path));
  });

  const changes: [what: string, change: (path: string) => Promise<void>][] = [
    ['content', (path) => writeFile(join(path, 'a'), 'texT')],
    ['a file more', (path) => writeFile(join(path, 'c'), '')],
    ['a folder more', (path) => mkdir(join(path, 'c'))],
    ['what may be run', (path) => chmod(join(path, 'a'), 0o755)],
    ['a file with a newline and quote in its name', (path) => writeFile(join(path, 'a"\nfile "x"'), '')],
  ];
  it.each(changes)('depends on %s', async (_what, change) => {
    await using folder = await tempFolder();
    await makeTree(folder.path);
    const before = await treeDigest(folder.path);
    await change(folder.path);
    expect(await treeDigest(folder.path)).not.toBe(before);
  });
});

describe('normaliseOutput()', () => {
  it('leaves 755 and 644, times 0, no set-user-ID bit, and links as they are', async () => {
    await using folder = await tempFolder();
    await makeTree(folder.path);
    await chmod(join(folder.path, 'a'), 0o400);
    await chmod(join(folder.path, 'b/run'), 0o4711);
    await chmod(join(folder.path, 'b/empty'), 0o000);
    await normaliseOutput(folder.path, 'step');
    const modes = await Promise.all(
      ['a', 'b', 'b/run', 'b/empty'].map(
        async (name) => (await lstat(join(folder.path, name))).mode & 0o7777,
      ),
    );
    expect(modes).toEqual([0o644, 0o755, 0o755, 0o755]);
    expect((await lstat(join(folder.path, 'a'))).mtimeMs).toBe(0);
    expect((await lstat(join(folder.path, 'link'))).isSymbolicLink()).toBe(true);
  });

  it('refuses a named pipe and a socket', async () => {
    await using folder = await tempFolder();
    execFileSync('mkfifo', [join(folder.path, 'pipe')]);
    await expect(normaliseOutput(folder.path, 'step')).rejects.toThrow(
      'Step "step" left a special file at "$OUT/pipe"',
    );
    await using other = await tempFolder();
    const server = createServer().listen(join(other.path, 'sock'));
    await expect(normaliseOutput(other.path, 'step')).rejects.toMatchObject({ code: 'step-failed' });
    server.close();
  });
});

describe('folderBytes()', () => {
  it('counts blocks, and every entry something', async () => {
    await using folder = await tempFolder();
    const empty = await folderBytes(folder.path);
    await writeFile(join(folder.path, 'large'), new Uint8Array(1 << 20).fill(1));
    expect(await folderBytes(folder.path)).toBeGreaterThanOrEqual(empty + (1 << 20));
    const before = await folderBytes(folder.path);
    for (let i = 0; i < 100; i += 1) await writeFile(join(folder.path, `${i}`), '');
    expect(await folderBytes(folder.path)).toBeGreaterThanOrEqual(before + 100 * 512);
  });

  it('stops when it has seen enough', async () => {
    await using folder = await tempFolder();
    for (let i = 0; i < 50; i += 1) await writeFile(join(folder.path, `${i}`), 'x');
    const seen = await folderBytes(folder.path, 1000);
    expect(seen).toBeGreaterThan(1000);
    expect(seen).toBeLessThan(50 * 512);
  });
});
