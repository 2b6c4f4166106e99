import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  rmdir,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Store } from '@altee/builder';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { verifySums } from '../packages/builder/src/image/sums.ts';
import { defaultStoreDir } from '../packages/builder/src/store/store-dir.ts';
import { tinyElf } from '../packages/builder/test/app/tiny-elf.ts';
import { altee } from '../packages/cli/test/run-altee.ts';
import { startAltee } from './support/altee.ts';
import { type MutableLock, type ProjectOptions, testProject } from './support/project.ts';

/** Bad input and bad luck, through the command: a clear error, the right exit code, nothing half written. */
const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;
const WRONG = `sha256:${'0'.repeat(64)}`;

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Builds the project, which must fail, and gives the exit code and the error without its folder. */
async function failure(
  options: ProjectOptions,
  ...args: string[]
): Promise<[exitCode: number, error: string]> {
  await using project = await testProject(options);
  const before = await listing(project.folder);
  const { exitCode, stdout, stderr } = await altee('build', '--frozen', project.manifest, ...args);
  expect(stdout).toBe('');
  expect(await listing(project.folder)).toEqual(before);
  return [exitCode, stderr.replaceAll(`${project.folder}/`, '')];
}

async function listing(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

describe('altee build of an app that can not be built', () => {
  it('shows the command, its exit code and its last lines, and leaves the former results as they are', async () => {
    await using project = await testProject();
    expect(await altee('build', '--frozen', project.manifest)).toMatchObject({ exitCode: 0, stderr: '' });
    const sums = await readFile(join(project.dist, 'SHA256SUMS'), 'utf8');
    const before = await listing(project.folder);

    const manifest = await readFile(project.manifest, 'utf8');
    const run = JSON.stringify('for i in 1 2 3; do echo line $i; done; ls /nonexistent; cp app "$OUT/hello"');
    await writeFile(project.manifest, manifest.replace(/run: .*/, `run: ${run}`));
    const { exitCode, stdout, stderr } = await altee('build', '--frozen', project.manifest);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: Step "Build the application" failed with exit code 2 at "ls \/nonexistent"$/m,
    );
    expect(stderr).toMatch(/^ {2}\| line 3$/m);
    expect(stderr).toMatch(/^ {2}\| ls: .*No such file or directory$/m);
    const log = /^ {2}→ The whole log is in (.+)$/m.exec(stderr)?.[1] ?? '';
    expect(await readFile(log, 'utf8')).toContain('line 1\n');
    await rm(dirname(log), { recursive: true });

    expect(await listing(project.folder)).toEqual(before);
    expect(await readFile(join(project.dist, 'SHA256SUMS'), 'utf8')).toBe(sums);
    expect(await verifySums(project.dist)).toEqual([]);
  });

  it.each<[string, ProjectOptions, number, RegExp]>([
    ['leaves nothing', { run: 'true' }, 2, /The build left no file "hello" in \$OUT/],
    [
      'leaves a dynamic executable, whose loader it names',
      { run: 'cp /usr/bin/true "$OUT/hello"' },
      2,
      /Cannot use "hello" .*wants the loader "\/lib64\/ld-linux-x86-64\.so\.2"/,
    ],
    ['leaves an executable for ARM', { app: tinyElf({ machine: 183 }) }, 2, /it is built for 64-bit ARM/],
    ['leaves a script', { app: Buffer.from('#!/bin/sh\n') }, 2, /it is a script/],
    [
      'leaves a link out of $OUT',
      { run: 'ln -s /usr/bin/true "$OUT/hello"' },
      2,
      /"hello".*(?:link|no file)/,
    ],
    ['writes outside', { run: 'echo x > /usr/bin/hello' }, 1, /Read-only file system/],
    ['wants the network', { run: 'exec 3<>/dev/tcp/127.0.0.1/1' }, 1, /failed with exit code/],
    ['has no source', { manifest: (text) => text.replace('source: src', 'source: nope') }, 2, /nope/],
  ])('says so where it %s', async (_what, options, exitCode, error) => {
    const [code, text] = await failure(options);
    expect(text).toMatch(error);
    expect(code).toBe(exitCode);
    const log = /The whole log is in (.+)$/m.exec(text)?.[1];
    if (log) await rm(dirname(log), { recursive: true });
  });
});

describe('altee build with a lock edited by hand', () => {
  const edits: [
    what: string,
    edit: (lock: MutableLock) => MutableLock | string,
    exitCode: number,
    error: RegExp,
  ][] = [
    [
      'the digest of a root',
      (lock) => {
        rootOf(lock, 'image').digest = WRONG;
        return lock;
      },
      1,
      /Root "image" is not what the lock says\n {2}\| lock: sha256:0+\n {2}\| here: sha256:[0-9a-f]{64}\n {2}→ .*altee lock/,
    ],
    [
      'the digest of a package',
      (lock) => {
        packageOf(lock, 'dash').sha256 = WRONG;
        return lock;
      },
      1,
      /Not in the store and offline: "dash"\n {2}\| dash: \d+ bytes, sha256:0+/,
    ],
    [
      'the digest of the kernel source',
      (lock) => {
        lock.kernel.sha256 = WRONG;
        return lock;
      },
      1,
      /Not in the store and offline: "linux_/,
    ],
    [
      'the digest of the stub',
      (lock) => {
        lock.stub.sha256 = WRONG;
        return lock;
      },
      1,
      /of package "systemd-boot-efi" is not the locked one\n {2}\| lock: sha256:0+/,
    ],
    [
      'the path of the stub, out of the root',
      (lock) => {
        lock.stub.path = '../../../../../../../../../../dev/zero';
        return lock;
      },
      2,
      /Package "systemd-boot-efi" has no file "(?:\.\.\/)+dev\/zero"/,
    ],
    [
      'the path of the stub, to a folder',
      (lock) => {
        lock.stub.path = 'usr/lib';
        return lock;
      },
      2,
      /Package "systemd-boot-efi" has no file "usr\/lib"/,
    ],
    [
      'a package away',
      (lock) => {
        delete lock.packages['dash'];
        return lock;
      },
      2,
      /^altee\.lock:\d+:\d+: The package "dash" is not under "packages"\n \d+ \| .*"dash"/m,
    ],
    [
      'a root away',
      (lock) => {
        delete lock.roots['app'];
        return lock;
      },
      2,
      /The lock has no root "app"/,
    ],
    ['a key into it', (lock) => ({ ...lock, extra: 1 }), 2, /^altee\.lock:\d+:\d+: Unknown key "extra"/m],
    ['another version', (lock) => JSON.stringify({ ...lock, lockVersion: 2 }), 2, /"lockVersion" must be/],
    [
      'what it was made for',
      (lock) => ({ ...lock, request: WRONG }),
      2,
      /altee\.lock is not for what the manifest asks for/,
    ],
    ['its second half away', (lock) => JSON.stringify(lock).slice(0, 20_000), 2, /no JSON from here on/],
    ['everything away', () => '', 2, /The lock is empty/],
  ];
  it.each(edits)('says so: %s', async (_what, lock, exitCode, error) => {
    const [code, text] = await failure({ lock }, '--offline');
    expect(text).toMatch(error);
    expect(code).toBe(exitCode);
  });

  it('is the same for firmware with altee run, before anything boots', async () => {
    await using project = await testProject({
      lock: (lock) => {
        const lab = lock.platforms['lab'];
        if (lab) lab.firmware.code.sha256 = WRONG;
        return lock;
      },
    });
    const { exitCode, stderr } = await altee('run', '--frozen', project.manifest);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/"usr\/share\/OVMF\/\S+" of package "ovmf" is not the locked one/);
  });

  it('takes no bytes but the locked ones from a server that lies, and names it', async () => {
    const server = createServer((_request, response) => response.end(randomBytes(98_504))).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dash.deb`;
    const [exitCode, error] = await failure({
      lock: (lock) => {
        Object.assign(packageOf(lock, 'dash'), { sha256: WRONG, size: 98_504, origins: [url] });
        return lock;
      },
    });
    server.close();
    expect(error).toContain('error: Cannot fetch "dash"');
    expect(error).toContain(`${url}: its SHA-256 is `);
    expect(exitCode).toBe(1);
    await expect(access((await Store.open()).partialPath(WRONG))).rejects.toThrow('ENOENT');
  });
});

function rootOf(lock: MutableLock, name: string): MutableLock['roots'][string] {
  const root = lock.roots[name];
  if (!root) throw new Error(`The lock has no root ${name}`);
  return root;
}

function packageOf(lock: MutableLock, name: string): MutableLock['packages'][string] {
  const found = lock.packages[name];
  if (!found) throw new Error(`The lock has no package ${name}`);
  return found;
}

describe('altee build that may not go on', () => {
  it('names all that is missing with --offline and an empty store', async () => {
    await using project = await testProject();
    vi.stubEnv('ALTEE_CACHE', join(project.folder, '..', 'empty'));
    vi.stubEnv('ALTEE_VENDOR', '');
    const { exitCode, stderr } = await altee('build', '--offline', project.manifest);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: Not in the store and offline: (\d+) of \1 files$/m);
    for (const name of ['linux_6\\.12\\.\\d+\\.orig\\.tar\\.xz', 'dash', 'golang-go', 'systemd-boot-efi']) {
      expect(stderr).toMatch(new RegExp(`^ {2}\\| ${name}: \\d+ bytes, sha256:[0-9a-f]{64}$`, 'm'));
    }
    expect(stderr).toContain('ALTEE_VENDOR');
  });

  it('needs a lock with --frozen, and writes none', async () => {
    await using project = await testProject();
    await rm(project.lock);
    const { exitCode, stderr } = await altee('build', '--frozen', project.manifest);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`There is no lock "${project.lock}"`);
    await expect(access(project.lock)).rejects.toThrow();
  });

  it('says with --frozen what an outdated lock lacks, and leaves it', async () => {
    await using project = await testProject({
      manifest: (text) => text.replace('[golang-go]', '[golang-go, musl-tools]'),
    });
    const lock = await readFile(project.lock, 'utf8');
    const { exitCode, stderr } = await altee('build', '--frozen', project.manifest);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('root "app": no "musl-tools" in the lock');
    expect(await readFile(project.lock, 'utf8')).toBe(lock);
  });

  it('can not renew a lock offline, and says so', async () => {
    await using project = await testProject();
    await rm(project.lock);
    const { exitCode, stderr } = await altee('build', '--offline', project.manifest);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('needs the network');
  });

  it.runIf(isRoot)('can not write a lock into a folder of somebody else, and says so at once', async () => {
    await using project = await testProject();
    await rm(project.lock);
    await chmod(dirname(project.folder), 0o755);
    const cache = join(project.folder, '..', 'cache');
    await mkdir(cache);
    await chmod(cache, 0o777);
    const { ended } = startAltee(['lock', project.manifest], { uid: NOBODY, env: { ALTEE_CACHE: cache } });
    const { exitCode, stderr } = await ended;
    expect(stderr).toContain(`Cannot write "${project.lock}": its folder is read-only`);
    expect(exitCode).toBe(2);
  });

  it.each<[string, (out: string) => Promise<unknown>]>([
    [
      'a folder with something else in it',
      async (out) => {
        await mkdir(out);
        await writeFile(join(out, 'thesis.tex'), 'years of work');
      },
    ],
    ['a file', (out) => writeFile(out, 'years of work')],
    ['below a file', (out) => writeFile(dirname(out), 'years of work')],
  ])('refuses %s as the place of its results, before it builds', async (_what, make) => {
    await using project = await testProject({ run: 'exit 77' });
    const out = join(project.folder, 'results', 'here');
    if (_what !== 'below a file') await mkdir(dirname(out));
    await make(out);
    const before = await listing(project.folder);
    const { exitCode, stderr } = await altee('build', '--frozen', '--out', out, project.manifest);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`"${out}"`);
    expect(stderr).toContain('--out');
    expect(await listing(project.folder)).toEqual(before);
  });

  it.each([
    ['a platform that there is not', ['--platform', 'nope'], (text: string) => text, 'No platform "nope"'],
    [
      'an image without a disk',
      [],
      (text: string) => `${text}outputs: [uki]\n`,
      'The manifest asks for no disk',
    ],
  ])('altee run refuses %s, before it builds', async (_what, args, manifest, message) => {
    await using project = await testProject({ run: 'exit 77', manifest });
    const { exitCode, stderr } = await altee('run', '--frozen', project.manifest, ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe.runIf(isRoot)('altee build on a full disk', () => {
  it('leaves nothing where the results do not fit', async () => {
    await using project = await testProject();
    await using disk = await smallDisk('2m');
    const out = join(disk.path, 'results');
    const { exitCode, stdout, stderr } = await altee('build', '--frozen', '--out', out, project.manifest);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain(`error: Cannot write "${out}": no space left on the disk\n`);
    expect(await readdir(disk.path)).toEqual([]);
  });

  it('leaves nothing half written in a store that is full', async () => {
    const kernel = randomBytes(4_000_000);
    const sha256 = `sha256:${createHash('sha256').update(kernel).digest('hex')}`;
    await using project = await testProject({
      lock: (lock) => {
        Object.assign(lock.kernel, { sha256, size: kernel.length });
        return lock;
      },
    });
    await using disk = await smallDisk('2m');
    await writeFile(join(project.folder, sha256.replace('sha256:', '')), kernel);
    vi.stubEnv('ALTEE_CACHE', disk.path);
    const options = ['--frozen', '--offline', '--vendor', project.folder];
    const { exitCode, stderr } = await altee('build', ...options, project.manifest);
    expect(stderr).toContain(`error: Cannot write to "${disk.path}": no space left on the disk\n`);
    expect(exitCode).toBe(1);
    const entries = await readdir(disk.path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    // What this process uses, as long as it lives.
    expect(files).toEqual(['leases']);
  });
});

/** A file system of its own, of that size. */
async function smallDisk(size: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp('/var/tmp/altee-disk-');
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'altee-test', path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['--lazy', path]);
      await rmdir(path);
    },
  };
}

describe('altee build with other processes', () => {
  it('ends at Ctrl-C with 1, and leaves no process, no results and nothing in the store', async () => {
    const marker = `31${process.pid}`;
    await using project = await testProject({ run: `sleep ${marker} & sleep ${marker}` });
    const { child, ended } = startAltee(['build', '--frozen', project.manifest]);
    await until(async () => (await processesWith(marker)).length >= 2, ended);
    const before = Date.now();
    child.kill('SIGINT');
    const { exitCode, stdout, stderr } = await ended;
    expect(Date.now() - before).toBeLessThan(5000);
    expect(stderr).toMatch(/error: Interrupted\n$/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(await processesWith(marker)).toEqual([]);
    expect((await listing(project.folder)).filter((name) => name.includes('dist'))).toEqual([]);
    const temporary = await readdir(join(defaultStoreDir(), 'tmp'));
    expect(temporary.filter((name) => name.startsWith(`${child.pid}.`))).toEqual([]);
  });

  it('shares one folder with another one at the same time', async () => {
    await using project = await testProject({
      run: `cp app "$OUT/hello"; echo ${Date.now()} > "$OUT/unique"`,
    });
    const runs = await Promise.all(
      [1, 2].map(() => startAltee(['build', '--frozen', '--json', project.manifest]).ended),
    );
    for (const { exitCode, stderr } of runs) expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(await verifySums(project.dist)).toEqual([]);
    expect(await readdir(dirname(project.dist))).toEqual(['faulty']);
    const [first, second] = runs.map(({ stdout }) => JSON.parse(stdout));
    expect(first.files).toEqual(second.files);
  });

  it('removes what a killed one left beside the results, when it is old enough', async () => {
    await using project = await testProject();
    const [old, young] = ['.faulty.tmp-old', '.faulty.tmp-new'].map((name) =>
      join(dirname(project.dist), name),
    );
    for (const folder of [old ?? '', young ?? '']) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'faulty.disk'), 'half');
    }
    const twoHoursAgo = new Date(Date.now() - 7_200_000);
    await utimes(old ?? '', twoHoursAgo, twoHoursAgo);
    expect(await altee('build', '--frozen', project.manifest)).toMatchObject({ exitCode: 0 });
    expect(await readdir(dirname(project.dist))).toEqual(['.faulty.tmp-new', 'faulty']);
  });
});

async function until(holds: () => Promise<boolean>, ended: Promise<unknown>): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!(await holds())) {
    if (isOver) throw new Error(`It ended too early: ${JSON.stringify(await ended)}`);
    await delay(50);
  }
}

/** Processes that have the word on their command line by itself. */
async function processesWith(word: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.split('\0').includes(word));
}
