import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';

function digestOf(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

async function addContent(store: Store, content: string): Promise<string> {
  return store.addFile(digestOf(content), content.length, (path) => writeFile(path, content));
}

function startChild(dir: string, what: 'make' | 'hold' | 'use') {
  const script = fileURLToPath(new URL('store-child.ts', import.meta.url));
  const child = execa(process.execPath, ['--import', 'tsx', script, dir, what], { reject: false });
  const lines = child[Symbol.asyncIterator]();
  const nextLine = async () => String((await lines.next()).value);
  return { child, nextLine };
}

/** What this process left in the store's temporary folder, its leases aside. */
function leftovers(dir: string): string[] {
  return readdirSync(join(dir, 'tmp'))
    .flatMap((own) => readdirSync(join(dir, 'tmp', own)))
    .filter((name) => name !== 'leases');
}

describe('Store.addFile()', () => {
  it('keeps a file under its digest, read-only', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    const path = await addContent(store, 'hello');
    const hex = digestOf('hello').slice(7);
    expect(path).toBe(join(dir.path, 'files/sha256', hex.slice(0, 2), hex));
    expect(await readFile(path, 'utf8')).toBe('hello');
    expect(statSync(path).mode & 0o777).toBe(0o444);
    expect(await store.hasFile(digestOf('hello'))).toBe(true);
    expect(await store.hasFile(digestOf('other'))).toBe(false);
  });

  it('writes a file once, also for callers at the same time', async () => {
    await using dir = await tempFolder();
    const stores = [await Store.open(dir.path), await Store.open(dir.path)];
    let writes = 0;
    const write = async (path: string) => {
      writes += 1;
      await sleep(20);
      await writeFile(path, 'hello');
    };
    await Promise.all([...stores, ...stores].map((store) => store.addFile(digestOf('hello'), 5, write)));
    expect(writes).toBe(1);
  });

  it.each([
    ['other content', digestOf('hello'), 5, 'jello'],
    ['another size', digestOf('hello'), 6, 'hello'],
  ])('refuses %s and keeps nothing of it', async (_, sha256, size, content) => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    const adding = store.addFile(sha256, size, (path) => writeFile(path, content));
    await expect(adding).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect(await store.list()).toEqual([]);
    expect(leftovers(dir.path)).toEqual([]);
    expect(await readFile(await addContent(store, 'hello'), 'utf8')).toBe('hello');
  });

  it('writes a file again that was cut off', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    const path = await addContent(store, 'hello');
    await chmod(path, 0o644);
    await writeFile(path, 'he');
    expect(await store.hasFile(digestOf('hello'), 5)).toBe(false);
    expect(await readFile(await addContent(store, 'hello'), 'utf8')).toBe('hello');
  });

  it.each([
    '',
    'sha256:',
    'md5:00',
    `sha256:${'A'.repeat(64)}`,
    '../../etc/passwd',
    `sha256:${'a'.repeat(63)}/`,
  ])('refuses "%s" as a digest', async (digest) => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    expect(() => store.filePath(digest)).toThrow(BuilderError);
  });
});

describe('Store.addTree()', () => {
  it('makes a tree once, then finds it', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    expect(await store.tree('output', 'key')).toBeUndefined();
    const path = await store.addTree('output', 'key', (tmpDir) => writeFile(join(tmpDir, 'a'), 'hello'));
    expect(await readFile(join(path, 'a'), 'utf8')).toBe('hello');
    expect(await store.tree('output', 'key')).toBe(path);
    expect(await store.addTree('output', 'key', () => Promise.reject(new Error('made twice')))).toBe(path);
    expect(await store.tree('root', 'key')).toBeUndefined();
  });

  it('keeps nothing of a tree whose maker failed, and lets the next one make it', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    const failing = store.addTree('output', 'key', async (tmpDir) => {
      await mkdir(join(tmpDir, 'sealed'));
      await writeFile(join(tmpDir, 'sealed', 'a'), 'hello');
      await chmod(join(tmpDir, 'sealed'), 0);
      throw new Error('The compiler crashed');
    });
    await expect(failing).rejects.toThrow('The compiler crashed');
    expect(await store.tree('output', 'key')).toBeUndefined();
    expect(leftovers(dir.path)).toEqual([]);
    await store.addTree('output', 'key', async () => {});
    expect(await store.tree('output', 'key')).toBeDefined();
  });

  it.each(['', '.', '..', 'a/b', '../x', '-x', 'a.json', 'a b', 'x'.repeat(129), 'a\0'])(
    'refuses %j as a key',
    async (key) => {
      await using dir = await tempFolder();
      const store = await Store.open(dir.path);
      await expect(store.addTree('output', key, async () => {})).rejects.toMatchObject({
        code: 'invalid-input',
      });
    },
  );

  it('has one of two processes work, and the other take the result', async () => {
    await using dir = await tempFolder();
    const children = [
      startChild(dir.path, 'make'),
      startChild(dir.path, 'make'),
      startChild(dir.path, 'make'),
    ];
    const outputs = (await Promise.all(children.map(({ child }) => child))).map(({ stdout }) =>
      stdout.split('\n'),
    );
    const path = join(dir.path, 'trees', 'output', 'key');
    expect(outputs.map((lines) => lines.at(-1))).toEqual([path, path, path].map((one) => `made ${one}`));
    expect(outputs.filter((lines) => lines[0] === 'making')).toHaveLength(1);
    expect(await readdir(path)).toHaveLength(300);
    expect(await readdir(join(dir.path, 'tmp'))).toEqual([]);
    expect(await readdir(join(dir.path, 'locks'))).toEqual([]);
  });

  it('waits for another process, and takes over when that one is killed', async () => {
    await using dir = await tempFolder();
    const { child, nextLine } = startChild(dir.path, 'hold');
    expect(await nextLine()).toBe('making');
    const store = await Store.open(dir.path);
    let making = false;
    const made = store.addTree('output', 'key', async () => {
      making = true;
    });
    await sleep(300);
    expect(making).toBe(false);
    child.kill('SIGKILL');
    await made;
    expect(making).toBe(true);
  });

  it('survives kill -9 of the maker at any moment', async () => {
    await using dir = await tempFolder();
    const path = join(dir.path, 'trees', 'output', 'key');
    for (let delay = 0; delay < 60 && !existsSync(path); delay += 6) {
      const { child, nextLine } = startChild(dir.path, 'make');
      await nextLine();
      await sleep(delay);
      child.kill('SIGKILL');
      await child;
      if (existsSync(path)) expect(await readdir(path)).toHaveLength(300);
    }
    const { child } = startChild(dir.path, 'make');
    expect((await child).exitCode).toBe(0);
    expect(await readdir(path)).toHaveLength(300);
    await Store.open(dir.path);
    expect(await readdir(join(dir.path, 'tmp'))).toHaveLength(1);
  }, 60_000);
});

describe('Store.open()', () => {
  it('removes what killed processes left, read-only folders too, and follows no link out of it', async () => {
    await using dir = await tempFolder();
    await Store.open(join(dir.path, 'store'));
    await writeFile(join(dir.path, 'precious'), 'x');
    const dead = join(dir.path, 'store/tmp/1.1.00000000.1/work-x/sealed');
    await mkdir(dead, { recursive: true });
    await symlink(dir.path, join(dead, 'link'));
    await writeFile(join(dead, 'file'), 'x');
    await chmod(dead, 0o500);
    await utimes(join(dir.path, 'store/tmp/1.1.00000000.1'), 0, 0);
    await Store.open(join(dir.path, 'store'));
    expect(existsSync(join(dir.path, 'store/tmp/1.1.00000000.1'))).toBe(false);
    expect(await readFile(join(dir.path, 'precious'), 'utf8')).toBe('x');
  });

  it('spares what a process of another machine or container touched within the last minute', async () => {
    await using dir = await tempFolder();
    await Store.open(dir.path);
    const foreign = join(dir.path, 'tmp/1.1.00000000.1');
    await mkdir(foreign);
    await Store.open(dir.path);
    expect(existsSync(foreign)).toBe(true);
  });

  it('gives absolute paths, whatever folder it was given', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(relative(process.cwd(), dir.path));
    expect(await addContent(store, 'hello')).toContain(dir.path);
  });

  it('says which folder it cannot use', async () => {
    await using dir = await tempFolder();
    await writeFile(join(dir.path, 'file'), '');
    await expect(Store.open(join(dir.path, 'file'))).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining(join(dir.path, 'file')),
    });
  });
});

describe('Store.prune()', () => {
  /** A store with two files, 10 and 20 days old, that no process uses. */
  async function withOldFiles(dir: string): Promise<{ store: Store; young: string; old: string }> {
    const store = await Store.open(dir);
    const write = async (content: string, days: number) => {
      const path = store.filePath(digestOf(content));
      const then = new Date(Date.now() - days * 86_400_000);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
      await utimes(path, then, then);
      return path;
    };
    return { store, young: await write('young', 10), old: await write('old', 20) };
  }

  it('removes what was not used for some time', async () => {
    await using dir = await tempFolder();
    const { store, young, old } = await withOldFiles(dir.path);
    const removed = await store.prune({ unusedForMs: 15 * 86_400_000 });
    expect(removed.map(({ path }) => path)).toEqual([old]);
    expect([existsSync(young), existsSync(old)]).toEqual([true, false]);
  });

  it('removes the least recently used until the rest is small enough', async () => {
    await using dir = await tempFolder();
    const { store, young, old } = await withOldFiles(dir.path);
    expect(await store.prune({ maxBytes: 8 })).toEqual([]);
    expect((await store.prune({ maxBytes: 7 })).map(({ path }) => path)).toEqual([old]);
    expect((await store.prune({ maxBytes: 0 })).map(({ path }) => path)).toEqual([young]);
  });

  it('only tells what it would remove with dryRun', async () => {
    await using dir = await tempFolder();
    const { store, young } = await withOldFiles(dir.path);
    expect(await store.prune({ unusedForMs: 0, dryRun: true })).toHaveLength(2);
    expect(existsSync(young)).toBe(true);
  });

  it('never removes what this process uses', async () => {
    await using dir = await tempFolder();
    const { store, young } = await withOldFiles(dir.path);
    expect(await store.hasFile(digestOf('young'))).toBe(true);
    const tree = await store.addTree('output', 'key', async () => {});
    expect(await store.prune({ unusedForMs: 0 })).toHaveLength(1);
    expect([existsSync(young), existsSync(tree)]).toEqual([true, true]);
  });

  it('never removes what another process uses, until that one is dead', async () => {
    await using dir = await tempFolder();
    await startChild(dir.path, 'make').child;
    const { child, nextLine } = startChild(dir.path, 'use');
    const path = await nextLine();
    const store = await Store.open(dir.path);
    expect(await store.prune({ unusedForMs: 0 })).toEqual([]);
    expect(await readdir(path)).toHaveLength(300);
    child.kill('SIGKILL');
    await child;
    expect(await store.prune({ unusedForMs: 0 })).toHaveLength(1);
    expect(existsSync(path)).toBe(false);
    expect(await readdir(join(dir.path, 'trees/output'))).toEqual([]);
  });
});

describe('Store.list()', () => {
  it('gives kind, key, size and times, least recently used first', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    await addContent(store, 'hello');
    const tree = await store.addTree('output', 'key', async (tmpDir) => {
      await mkdir(join(tmpDir, 'd'));
      await writeFile(join(tmpDir, 'd', 'a'), 'four');
    });
    await utimes(`${tree}.json`, 1, 1);
    expect(await store.list()).toMatchObject([
      { kind: 'output', key: 'key', path: tree, size: 4, used: new Date(1000), inUse: true },
      { kind: 'file', key: digestOf('hello').slice(7), size: 5, inUse: true },
    ]);
  });

  it('marks an entry as used whenever it is asked for', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    const tree = await store.addTree('output', 'key', async () => {});
    await utimes(`${tree}.json`, 1, 1);
    await store.tree('output', 'key');
    expect((await store.list())[0]?.used.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe('Store.verify()', () => {
  it('removes files whose content changed, and tells which', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    const good = await addContent(store, 'good');
    const bad = await addContent(store, 'bad');
    await chmod(bad, 0o644);
    await writeFile(bad, 'BAD');
    expect(await store.verify()).toEqual([
      { path: bad, sha256: digestOf('bad'), actualSha256: digestOf('BAD') },
    ]);
    expect([existsSync(good), existsSync(bad)]).toEqual([true, false]);
  });
});

const isRoot = process.getuid?.() === 0;

describe('On a full disk', () => {
  it.skipIf(!isRoot)(
    'Store.addFile() and addTree() fail with disk-full and leave nothing',
    async ({ skip }) => {
      await using dir = await tempFolder();
      const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'altee-test', dir.path], {
        reject: false,
      });
      skip(mounted.failed, 'this container may not mount a tmpfs');
      try {
        const store = await Store.open(dir.path);
        const big = 'x'.repeat(2_000_000);
        await expect(addContent(store, big)).rejects.toMatchObject({
          code: 'disk-full',
          message: expect.stringContaining(dir.path),
          hint: expect.stringContaining('altee cache prune'),
        });
        const adding = store.addTree('output', 'key', (tmpDir) => writeFile(join(tmpDir, 'a'), big));
        await expect(adding).rejects.toMatchObject({ code: 'disk-full' });
        expect(await store.list()).toEqual([]);
        expect(leftovers(dir.path)).toEqual([]);
        expect(await readFile(await addContent(store, 'small'), 'utf8')).toBe('small');
      } finally {
        await execa('umount', [dir.path]);
      }
    },
  );
});
