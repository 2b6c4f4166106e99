import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dockerExecutor } from '../../packages/builder/src/executor/docker/docker.ts';
import type { Executor, Root, Step, StepIo } from '../../packages/builder/src/executor/executor.ts';
import { normaliseOutput, treeDigest } from '../../packages/builder/src/executor/output-tree.ts';
import { sandboxExecutor } from '../../packages/builder/src/executor/sandbox.ts';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { testRoot } from '../../packages/builder/test/support/root.ts';
import { engineIn, ownDockerd, type TestEngine, testEngines } from '../support/docker.ts';

vi.setConfig({ testTimeout: 5 * 60_000 });

const given = testRoot();
const isRoot = process.getuid?.() === 0;
const CHILD = fileURLToPath(new URL('../../packages/builder/test/support/execute-step.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

const base = await mkdtemp('/var/tmp/altee-docker-');
await chmod(base, 0o755);
afterAll(() => removeTree(base));
const engines = given === undefined ? [] : await testEngines(base);

/** A root that an engine takes in within a second. */
let root: Root = { digest: '', path: '' };
beforeAll(async () => {
  if (given !== undefined) root = await smallRoot(given.path, join(base, 'root'));
});

function step(script: string, more: Partial<Step> = {}): Step {
  const limits = { seconds: 120, outputBytes: 1 << 20, processes: 64 };
  return { name: 'test', root, script, env: {}, inputs: {}, limits, ...more };
}

async function folders(): Promise<StepIo> {
  const path = await mkdtemp(join(base, 'step-'));
  const io = { outDir: join(path, 'out'), workDir: join(path, 'work'), logFile: join(path, 'log') };
  await mkdir(io.outDir);
  await mkdir(io.workDir);
  return io;
}

/** What the step left, and what it printed without the shell's trace. */
async function resultOf(executor: Executor, one: Step): Promise<{ digest: string; lines: string[] }> {
  const io = await folders();
  await executor.execute(one, io);
  await normaliseOutput(io.outDir, one.name);
  const log = await readFile(io.logFile, 'utf8');
  const lines = log.split('\n').filter((line) => line !== '' && !/^\++ /.test(line));
  return { digest: await treeDigest(io.outDir), lines };
}

async function failureOf(executor: Executor, one: Step): Promise<unknown> {
  const io = await folders();
  return await executor
    .execute(one, io)
    .then(
      async () => {
        await normaliseOutput(io.outDir, one.name);
        return 'no failure';
      },
      ({ code, message }) => ({ code, message }),
    )
    .catch(({ code, message }) => ({ code, message }));
}

async function inputs(): Promise<Step['inputs']> {
  const path = await mkdtemp(join(base, 'input-'));
  await mkdir(join(path, 'tree/deep'), { recursive: true });
  await writeFile(join(path, 'tree/run'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
  await writeFile(join(path, 'tree/deep/ümlaut'), randomBytes(3_000_000));
  await writeFile(join(path, 'file'), 'file\n');
  return {
    tree: { path: join(path, 'tree'), digest: 'sha256:01' },
    file: { path: join(path, 'file'), digest: 'sha256:02' },
  };
}

/** Nothing of a test's steps may be left in the engine. */
async function expectNothingLeft(engine: TestEngine): Promise<void> {
  expect(await engine.command('ps', '--all', '--quiet', '--filter', `label=altee.owner`)).toBe('');
}

describe.each(engines.map((engine) => [engine.program, engine] as const))(
  'dockerExecutor() with %s',
  (_name, engine) => {
    const docker = dockerExecutor({ env: engine.env, jobs: 3 });
    const sandbox = sandboxExecutor({ jobs: 3 });

    it('passes its own check', async () => {
      await expect(docker.check(root)).resolves.toBeUndefined();
    });

    it.each<[string, string]>([
      [
        'files, folders and their modes',
        'mkdir -p bin $OUT/bin/deep $OUT/empty; echo x > $OUT/bin/f; cp $OUT/bin/f $OUT/bin/deep/suid; chmod 4711 $OUT/bin/deep/suid; : > $OUT/none; chmod 000 $OUT/none; echo g > $OUT/group; chmod 654 $OUT/group; mkdir -m 000 $OUT/closed',
      ],
      [
        'links of every kind',
        'echo x > $OUT/f; ln $OUT/f $OUT/hard; ln -s f $OUT/soft; ln -s /etc/passwd $OUT/absolute; ln -s ../../../../etc $OUT/outside; ln -s nowhere $OUT/dangling; ln -s . $OUT/here; mkdir $OUT/d; ln -s d $OUT/todir',
      ],
      [
        'names that are long, odd or not ASCII',
        'n=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; mkdir -p "$OUT/$n/$n/$n/$n"; echo 1 > "$OUT/$n/$n/$n/$n/$n"; echo 2 > "$OUT/日本 »ü«"; echo 3 > "$OUT/with\nnewline"; echo 4 > "$OUT/-rf"; echo 5 > "$OUT/.hidden"',
      ],
      ['a file with a hole', 'printf end > $OUT/f; printf x | dd of=$OUT/f bs=1 seek=300000000 2> /dev/null'],
      ['nothing', ':'],
    ])('gives the same output as the sandbox: %s', async (_what, script) => {
      const results = [await resultOf(docker, step(script)), await resultOf(sandbox, step(script))];
      expect(results[0]).toEqual(results[1]);
    });

    it('shows the step what the sandbox shows it', async () => {
      const script = `set +x
env | sort; uname -n; umask; pwd; id; ulimit -c; ulimit -s; ulimit -n; ulimit -f
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status | tr -s '\\t ' ' '
echo $(cat /etc/hostname); cat /etc/passwd /proc/sys/kernel/hostname
for dir in / /usr/bin /etc /src /src/tree /dev /proc /proc/sys/kernel /sys /run /root /var/tmp /var; do
  if true > $dir/probe; then echo "writable: $dir"; fi
done 2> /dev/null
if echo x >> /src/file; then echo writable: input; fi 2> /dev/null
echo work > /build/w; echo '#!/bin/sh' > /tmp/t; echo 'echo run in /tmp' >> /tmp/t; chmod +x /tmp/t; /tmp/t; echo s > /dev/shm/s
stat -c '%U %a %n' /build /out /src /tmp /src/tree /src/tree/run /src/tree/deep /src/file
stat -c '%Y' /usr/bin/env > /dev/null; cat /src/file; /src/tree/run; cksum /src/tree/deep/*
echo /proc/[0-9]*; ls / /usr; readlink /bin; tail -n +3 /proc/net/dev | cut -d: -f1
chroot / true 2> /dev/null || echo no chroot
if true < /dev/tty; then echo tty; fi 2> /dev/null
read -r line || echo no input`;
      const one = step(script, { env: { FLAVOUR: 'x y' }, inputs: await inputs() });
      const [inDocker, inSandbox] = [await resultOf(docker, one), await resultOf(sandbox, one)];
      expect(inDocker.lines).toEqual(inSandbox.lines);
      expect(inSandbox.lines).toContain('altee');
    });

    it("hides the engine's machine: no name servers, no environment, no devices of its", async () => {
      const { lines } = await resultOf(docker, step('cat /etc/resolv.conf /etc/hosts; ls /dev /sys; env'));
      const own = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
      for (const server of own.matchAll(/^nameserver\s+(\S+)/gm)) {
        if (!server[1]?.startsWith('127.')) expect(lines.join('\n')).not.toContain(server[1]);
      }
      expect(lines.join('\n')).not.toMatch(/vda|sda|mem\b|kmsg|PROXY|proxy/);
    });

    it.each<[string, string]>([
      ['a command that fails', 'echo before; ls /nonexistent; echo after'],
      ['a command that is killed', "sh -c 'kill -9 $$'"],
      ['exit codes that clients use themselves', 'exit 125'],
      ['a special file', 'mkfifo $OUT/pipe'],
      ['one large file', 'head -c 3000000 /dev/zero | tr "\\\\0" x > $OUT/x'],
      ['a flood of small ones', 'set +x; i=0; while [ $i -lt 3000 ]; do : > $OUT/$i; i=$((i+1)); done'],
    ])('fails as the sandbox does: %s', async (_what, script) => {
      const [inDocker, inSandbox] = [
        await failureOf(docker, step(script)),
        await failureOf(sandbox, step(script)),
      ];
      expect(inDocker).toMatchObject({ code: expect.stringMatching(/^step-/) });
      expect(inDocker).toEqual(inSandbox);
      await expectNothingLeft(engine);
    });

    it('stops a step that hangs, with all that it started', async () => {
      const limits = { seconds: 2, outputBytes: 1000, processes: 64 };
      const began = Date.now();
      expect(await failureOf(docker, step('setsid sleep 300 & sleep 300', { limits }))).toMatchObject({
        code: 'step-limit',
        message: expect.stringContaining('more than 2 s'),
      });
      expect(Date.now() - began).toBeLessThan(30_000);
      await expectNothingLeft(engine);
    });

    it('stops a step whose output grows too large while it runs', async () => {
      expect(await failureOf(docker, step('head -c 3000000 /dev/urandom > $OUT/x; sleep 100'))).toMatchObject(
        {
          code: 'step-limit',
          message: expect.stringContaining('$OUT'),
        },
      );
      await expectNothingLeft(engine);
    });

    it('keeps a step within its number of processes', async () => {
      const limits = { seconds: 60, outputBytes: 1000, processes: 16 };
      const bomb = step('set +ex; i=0; while [ $i -lt 60 ]; do (sleep 30 &); i=$((i+1)); done; sleep 30', {
        limits,
      });
      const io = await folders();
      await docker.execute(bomb, io).catch(() => {});
      expect(await readFile(io.logFile, 'utf8')).toMatch(/Cannot fork/);
      await expectNothingLeft(engine);
    });

    it('runs steps at once', async () => {
      await Promise.all([1, 2, 3].map(async () => resultOf(docker, step('sleep 1; echo $$ > $OUT/x'))));
      await expectNothingLeft(engine);
    });

    it('stops at an abort, throws its reason, and leaves nothing', async () => {
      const abort = new AbortController();
      const running = docker.execute(step('sleep 300'), { ...(await folders()), signal: abort.signal });
      const failed = expect(running).rejects.toThrow('enough');
      await delay(1500);
      abort.abort(new Error('enough'));
      await failed;
      await expectNothingLeft(engine);
    });

    it('leaves nothing where the process that runs it is killed', async () => {
      const child = spawn(
        process.execPath,
        [
          '--conditions=altee:source',
          '--import',
          TSX,
          CHILD,
          JSON.stringify({ step: step('sleep 300'), io: await folders(), executor: 'docker' }),
        ],
        { stdio: 'ignore', env: engine.env },
      );
      await expect
        .poll(() => engine.command('ps', '--quiet', '--filter', 'label=altee.owner'), { timeout: 60_000 })
        .not.toBe('');
      child.kill('SIGKILL');
      await expect
        .poll(() => engine.command('ps', '--all', '--quiet', '--filter', 'label=altee.owner'), {
          timeout: 30_000,
        })
        .toBe('');
    });

    it('removes what a killed process left, and no container of a living one or of somebody else', async () => {
      const image =
        (await engine.command('images', '--quiet', '--filter', 'label=altee.root')).split('\n')[0] ?? '';
      const make = (...labels: string[]) =>
        engine.command(
          'create',
          '--network',
          'none',
          ...labels.flatMap((label) => ['--label', label]),
          image,
          'true',
        );
      const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);
      const { readlink } = await import('node:fs/promises');
      const here = `${boot}.${(await readlink('/proc/self/ns/pid')).replaceAll(/\D/g, '')}`;
      const now = Math.floor(Date.now() / 1000);
      const dead = await make(`altee.owner=4194304.1.${here}`, `altee.expires=${now + 9999}`);
      const expired = await make('altee.owner=1.1.ffffffff.1', `altee.expires=${now - 1}`);
      const foreign = await make('altee.owner=1.1.ffffffff.1', `altee.expires=${now + 9999}`);
      const others = await make('somebody=else');
      try {
        await dockerExecutor({ env: engine.env }).check(root);
        const left = (await engine.command('ps', '--all', '--quiet', '--no-trunc')).split('\n');
        for (const id of [dead, expired]) expect(left).not.toContain(id.split('\n').at(-1));
        for (const id of [foreign, others]) expect(left).toContain(id.split('\n').at(-1));
      } finally {
        await engine.command('rm', '--force', foreign, others);
      }
    });

    it('does not use an image that somebody put in its place', async () => {
      const [name = ''] = (
        await engine.command('images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', 'label=altee.root')
      ).split('\n');
      const small = join(base, `fake-${engine.program}`);
      await mkdir(join(small, 'bin'), { recursive: true });
      await writeFile(join(small, 'bin/sh'), 'no shell');
      const { execFileSync } = await import('node:child_process');
      execFileSync('tar', ['-C', small, '-cf', `${small}.tar`, '.']);
      const tags = (await engine.command('images', '--format', '{{.Repository}}:{{.Tag}}'))
        .split('\n')
        .filter((tag) => tag.includes('altee-root'));
      expect(name).not.toBe('');
      for (const tag of tags) await engine.command('import', `${small}.tar`, tag);
      const { lines } = await resultOf(dockerExecutor({ env: engine.env }), step('echo still right'));
      expect(lines).toEqual(['still right']);
    });
  },
);

describe.skipIf(engines.length === 0)('dockerExecutor()', () => {
  const none = engines[0]?.env ?? {};

  it('says that no engine is installed, and what to do', async () => {
    const empty = join(base, 'empty');
    await mkdir(empty, { recursive: true });
    await expect(dockerExecutor({ env: { PATH: empty } }).check(root)).rejects.toMatchObject({
      code: 'executor-unavailable',
      message: 'Cannot use the docker executor: neither "docker" nor "podman" is installed',
      hint: expect.stringContaining('Install Docker Engine'),
    });
  });

  it.skipIf(engines[0]?.program !== 'docker')(
    'says that the engine is not running, and where it looked',
    async () => {
      for (const host of ['unix:///nonexistent/docker.sock', 'tcp://127.0.0.1:9']) {
        await expect(
          dockerExecutor({ env: { ...none, DOCKER_HOST: host } }).check(root),
        ).rejects.toMatchObject({
          code: 'executor-unavailable',
          message: `Cannot use the container engine at "${host}": it is not running, or not where the client looks for it`,
          hint: expect.stringContaining('Start it'),
        });
      }
    },
  );

  it('says which tool a root lacks', async () => {
    const empty = await mkdtemp(join(base, 'root-'));
    const running = dockerExecutor({ env: none }).execute(
      step('', { root: { digest: 'sha256:ff', path: empty } }),
      await folders(),
    );
    await expect(running).rejects.toMatchObject({
      code: 'lock-invalid',
      message: expect.stringContaining('ld-linux'),
    });
  });

  it('refuses an input that is a special file', async () => {
    const one = step('', { inputs: { device: { path: '/dev/null', digest: 'sha256:00' } } });
    await expect(dockerExecutor({ env: none }).execute(one, await folders())).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('special file'),
    });
  });
});

describe.skipIf(!isRoot || engines[0]?.program !== 'docker')(
  'dockerExecutor() with an engine of its own',
  () => {
    const env = engines[0]?.env ?? {};

    it('says that the user may not speak to the engine', async () => {
      const folder = await mkdtemp(join(base, 'own-'));
      await chmod(folder, 0o755);
      await using own = await ownDockerd(folder, process.env);
      if (own === undefined) return console.warn('Skipped: no dockerd could be started here');
      await chmod(own.socket, 0o600);
      const child = spawn(
        process.execPath,
        [
          '--conditions=altee:source',
          '--import',
          TSX,
          CHILD,
          JSON.stringify({ step: step(''), io: await folders(), executor: 'docker' }),
        ],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          uid: 65534,
          gid: 65534,
          env: { ...env, HOME: '/', DOCKER_HOST: `unix://${own.socket}` },
        },
      );
      const { text } = await import('node:stream/consumers');
      expect(JSON.parse(await text(child.stdout))).toMatchObject({
        ok: false,
        code: 'executor-unavailable',
        message: expect.stringContaining('this user may not speak to it'),
        hint: expect.stringContaining('group "docker"'),
      });
    });

    it("makes an image anew whose files were changed in the engine's store", async () => {
      const folder = await mkdtemp(join(base, 'own-'));
      await using own = await ownDockerd(folder, process.env);
      if (own === undefined) return console.warn('Skipped: no dockerd could be started here');
      const { engine } = own;
      await dockerExecutor({ env: engine.env }).check(root);
      for (const damage of [
        (layer: string) => appendFile(join(layer, 'etc/passwd'), 'evil:x:0:0::/:/bin/sh\n'),
        (layer: string) => rm(join(layer, 'usr/bin/cat')),
        (layer: string) => writeFile(join(layer, 'usr/bin/extra'), 'not in the root'),
      ]) {
        await damage(await layerOf(engine));
        const one = step('cat /etc/passwd; ls /usr/bin');
        const { lines } = await resultOf(dockerExecutor({ env: engine.env }), one);
        expect(lines).toEqual((await resultOf(sandboxExecutor(), one)).lines);
      }
    });

    it('says that the engine has no space left, and leaves nothing', async () => {
      const folder = await mkdtemp(join(base, 'full-'));
      const { execFileSync } = await import('node:child_process');
      const size = Math.ceil((await treeBytes(root.path)) / 2 ** 20 / 2);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'altee-test', folder], {
          stdio: 'ignore',
        });
      } catch {
        return console.warn('Skipped: no file system can be mounted here');
      }
      try {
        await using own = await ownDockerd(folder, process.env);
        if (own === undefined) return console.warn('Skipped: no dockerd could be started here');
        await expect(dockerExecutor({ env: own.engine.env }).check(root)).rejects.toMatchObject({
          code: 'disk-full',
          message: expect.stringContaining('no space left'),
          hint: expect.stringContaining('docker system df'),
        });
        await expectNothingLeft(engineIn('docker', own.engine.env));
      } finally {
        execFileSync('umount', ['--lazy', folder]);
      }
    });
  },
);

/** Where the engine keeps the files of its only root. */
async function layerOf(engine: TestEngine): Promise<string> {
  const id = await engine.command('images', '--quiet', '--filter', 'label=altee.root');
  const format = '{{index .GraphDriver.Data "UpperDir"}}';
  return engine.command('image', 'inspect', '--format', format, id.split('\n')[0] ?? '');
}

async function treeBytes(path: string): Promise<number> {
  const { folderBytes } = await import('../../packages/builder/src/executor/limits.ts');
  return folderBytes(path);
}

/** What the tests' scripts call, with the libraries that those need. */
const TOOLS = [
  ...[
    'dash',
    'env',
    'mkdir',
    'ln',
    'unshare',
    'mount',
    'setpriv',
    'prlimit',
    'cat',
    'ls',
    'id',
    'stat',
    'sort',
    'tr',
    'cut',
  ],
  ...[
    'head',
    'tail',
    'wc',
    'sleep',
    'dd',
    'cp',
    'chmod',
    'mkfifo',
    'uname',
    'grep',
    'cksum',
    'readlink',
    'chroot',
    'setsid',
  ],
  ...['true', 'du', 'df', 'perl'],
];

async function smallRoot(from: string, path: string): Promise<Root> {
  const libraries = 'usr/lib/x86_64-linux-gnu';
  await mkdir(join(path, libraries), { recursive: true });
  await mkdir(join(path, 'usr/bin'));
  for (const name of await readdir(from)) {
    if (['usr', 'var'].includes(name)) continue;
    await cp(join(from, name), join(path, name), { recursive: true, verbatimSymlinks: true });
  }
  await mkdir(join(path, 'var/tmp'), { recursive: true });
  await chmod(join(path, 'var/tmp'), 0o1777);
  await chmod(join(path, 'tmp'), 0o1777);
  for (const folder of ['usr/sbin', 'usr/lib', 'usr/lib64'])
    await mkdir(join(path, folder), { recursive: true });
  for (const name of await readdir(join(from, 'usr/lib64'))) {
    await cp(join(from, 'usr/lib64', name), join(path, 'usr/lib64', name), { verbatimSymlinks: true });
  }
  for (const tool of [...TOOLS, 'sh']) {
    const folder = tool === 'chroot' ? 'usr/sbin' : 'usr/bin';
    await cp(join(from, folder, tool), join(path, folder, tool), { verbatimSymlinks: true });
  }
  for (const name of await readdir(join(from, libraries))) {
    if (
      /^(?:ld-linux|libc|libm|libdl|libpthread|librt|libselinux|libpcre2-8|libcap-ng|libcap|libmount|libblkid|libcrypt|libacl|libattr|libgmp|libcrypto|libz|libzstd|libeconf|libsmartcols|libuuid|libmd)[-.]/.test(
        name,
      )
    )
      await cp(join(from, libraries, name), join(path, libraries, name), { verbatimSymlinks: true });
  }
  return { digest: `sha256:${'0'.repeat(64)}`, path };
}
