import { type ChildProcess, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuilderError } from '../packages/builder/src/error.ts';
import { LOADER } from '../packages/builder/src/executor/enter.ts';
import type { Step, StepIo } from '../packages/builder/src/executor/executor.ts';
import { outputDigest, runStep } from '../packages/builder/src/executor/run-step.ts';
import { sandboxExecutor } from '../packages/builder/src/executor/sandbox.ts';
import { silentReporter } from '../packages/builder/src/report.ts';
import { removeTree } from '../packages/builder/src/store/remove-tree.ts';
import { Store } from '../packages/builder/src/store/store.ts';
import { testRoot } from '../packages/builder/test/support/root.ts';

const root = testRoot() ?? { digest: '', path: '' };
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;
const CHILD = fileURLToPath(new URL('../packages/builder/test/support/execute-step.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-sandbox-'));
});
afterAll(() => removeTree(base));

function step(script: string, more: Partial<Step> = {}): Step {
  const limits = { seconds: 60, outputBytes: 1 << 20, processes: 64 };
  return { name: 'test', root, script, env: {}, inputs: {}, limits, ...more };
}

async function folders(owner?: number): Promise<StepIo> {
  const path = await mkdtemp(join(base, 'step-'));
  const io = { outDir: join(path, 'out'), workDir: join(path, 'work'), logFile: join(path, 'log') };
  await mkdir(io.outDir);
  await mkdir(io.workDir);
  if (owner !== undefined)
    for (const dir of [base, path, io.outDir, io.workDir]) await chown(dir, owner, owner);
  return io;
}

interface ChildResult {
  ok: boolean;
  code?: string;
  message?: string;
  hint?: string | undefined;
}

function startChild(argument: object, options: { uid?: number; wrap?: string[] } = {}): ChildProcess {
  const [file = process.execPath, ...args] = [
    ...(options.wrap ?? []),
    ...[process.execPath, '--conditions=altee:source', '--import', TSX, CHILD, JSON.stringify(argument)],
  ];
  const { uid } = options;
  return spawn(file, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], TMPDIR: base, HOME: base },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

async function inChild(
  argument: object,
  options: { uid?: number; wrap?: string[] } = {},
): Promise<ChildResult> {
  const child = startChild(argument, options);
  return JSON.parse(await text(child.stdout ?? process.stdin));
}

/** The step's lines without the shell's trace. */
async function linesOf(io: StepIo): Promise<string[]> {
  const log = await readFile(io.logFile, 'utf8');
  return log.split('\n').filter((line) => line !== '' && !line.startsWith('+'));
}

const users = isRoot ? (['root', 'nobody'] as const) : (['caller'] as const);
const uidOf = (user: string) => (user === 'nobody' ? NOBODY : undefined);

describe.skipIf(testRoot() === undefined).each(users)('sandboxExecutor() as %s', (user) => {
  async function execute(traced: Step): Promise<StepIo> {
    // The trace of commands in a pipe mixes with their output.
    const one = { ...traced, script: `set +x\n${traced.script}` };
    const io = await folders(uidOf(user));
    if (user !== 'nobody') await sandboxExecutor().execute(one, io);
    else expect(await inChild({ step: one, io }, { uid: NOBODY })).toEqual({ ok: true });
    return io;
  }
  async function fail(one: Step): Promise<ChildResult> {
    const io = await folders(uidOf(user));
    if (user === 'nobody') return await inChild({ step: one, io }, { uid: NOBODY });
    return await sandboxExecutor()
      .execute(one, io)
      .then(() => ({ ok: true }))
      .catch(({ code, message, hint }: BuilderError) => ({ ok: false, code, message, hint }));
  }

  it('runs the step as uid 1000 without capabilities, new privileges or a way to get some', async () => {
    const io = await execute(
      step(`id -u; id -g; id -G
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status | tr -s '\\t' ' '
unshare --user true 2>&1 || echo no user namespace
unshare --mount true 2>&1 || echo no mount namespace
chroot / true 2>&1 || echo no chroot`),
    );
    const zero = '0000000000000000';
    expect(await linesOf(io)).toEqual([
      ...['1000', '1000', '1000'],
      ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name}: ${zero}`),
      'NoNewPrivs: 1',
      'unshare: unshare failed: Operation not permitted',
      'no user namespace',
      'unshare: unshare failed: Operation not permitted',
      'no mount namespace',
      expect.stringMatching(/^chroot: /),
      'no chroot',
    ]);
  });

  it('gives the step exactly its environment, host name, mask and working folder', async () => {
    const io = await execute(
      step('env | sort; uname -n; umask; pwd; ulimit -c; ulimit -p', { env: { FLAVOUR: 'x' } }),
    );
    expect((await linesOf(io)).map((line) => line.replace(/^JOBS=\d+$/, 'JOBS'))).toEqual([
      'FLAVOUR=x',
      'HOME=/build',
      'JOBS',
      'LC_ALL=C',
      'OUT=/out',
      'PATH=/usr/bin:/bin:/usr/sbin:/sbin',
      'PWD=/build',
      'SOURCE_DATE_EPOCH=1704067200',
      'TMPDIR=/tmp',
      'TZ=UTC',
      'altee',
      '0022',
      '/build',
      '0',
      '64',
    ]);
  });

  it('lets the step write to /build, $OUT and /tmp and nowhere else', async () => {
    const io = await execute(
      step(
        `for dir in / /usr/bin /etc /src /src/tree /dev /proc /proc/sys/kernel /sys /run /root /var/tmp; do
  if true > $dir/probe; then echo "writable: $dir"; fi
done 2> /dev/null
if echo x > /proc/sys/kernel/core_pattern; then echo writable: sysctl; fi 2> /dev/null
if echo x >> /src/file; then echo writable: input; fi 2> /dev/null
echo work > /build/w; echo temporary > /tmp/t; echo shared > /dev/shm/s; cat /src/file /src/tree/inner > $OUT/o; echo end`,
        { inputs: await inputs() },
      ),
    );
    expect(await linesOf(io)).toEqual(['end']);
    expect(await readFile(join(io.outDir, 'o'), 'utf8')).toBe('file\ninner\n');
    expect((await stat(join(io.outDir, 'o'))).uid).toBe(uidOf(user) ?? process.getuid?.());
  });

  it('shows the step no network, no other processes and no terminal', async () => {
    const io = await execute(
      step(`tail -n +3 /proc/net/dev | tr -d ' ' | cut -d: -f1
cat /proc/net/route | tail -n +2
echo processes $(ls /proc | grep -c '^[0-9]')
if true < /dev/tty; then echo tty; fi 2> /dev/null
tty || true`),
    );
    const lines = await linesOf(io);
    expect(lines[0]).toBe('lo');
    expect(lines[1]).toMatch(/^processes [1-6]$/);
    expect(lines.slice(2)).toEqual(['not a tty']);
  });

  it('reports command, exit code and log of a step that fails', async () => {
    expect(await fail(step('echo before; ls /nonexistent; echo after'))).toMatchObject({
      code: 'step-failed',
      message: 'Step "test" failed with exit code 2 at "ls /nonexistent"',
      hint: expect.stringContaining('/log'),
    });
  });

  it('stops a step that hangs, with all that it started', async () => {
    const mark = `98${process.pid}${user.length}`;
    const limits = { seconds: 1, outputBytes: 1000, processes: 64 };
    const began = Date.now();
    const error = await fail(step(`setsid sleep ${mark} & sleep ${mark} & sleep ${mark}`, { limits }));
    expect(error).toMatchObject({ code: 'step-limit', message: expect.stringContaining('more than 1 s') });
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(await processesWith(mark)).toEqual([]);
  });

  it('keeps a fork bomb within its number of processes', async () => {
    const mark = `95${process.pid}${user.length}`;
    const limits = { seconds: 4, outputBytes: 1000, processes: 40 };
    const io = await folders(uidOf(user));
    const bomb = step(
      `set +ex; i=0; while [ $i -lt 200 ]; do (sleep ${mark} &); i=$((i+1)); done; sleep 60`,
      { limits },
    );
    const running =
      user === 'nobody'
        ? inChild({ step: bomb, io }, { uid: NOBODY })
        : sandboxExecutor()
            .execute(bomb, io)
            .catch((e) => e);
    const sleepers = () => processesWith(`sleep\0${mark}`);
    await expect
      .poll(async () => (await sleepers()).length, { timeout: 4_000, interval: 100 })
      .toBeGreaterThan(30);
    expect((await sleepers()).length).toBeLessThanOrEqual(40);
    expect(await running).toMatchObject({ code: 'step-limit' });
    expect(await readFile(io.logFile, 'utf8')).toMatch(/Cannot fork/);
    expect(await sleepers()).toEqual([]);
  });

  it.each([
    ['one large file', 'head -c 3000000 /dev/zero > $OUT/x; sleep 50'],
    [
      'a flood of small ones',
      'set +x; i=0; while [ $i -lt 4000 ]; do : > $OUT/$i; i=$((i+1)); done; sleep 50',
    ],
    ['a file that is there at the end', 'head -c 3000000 /dev/zero > $OUT/x'],
  ])('refuses an output of %s above the limit', async (_what, script) => {
    expect(await fail(step(script))).toMatchObject({
      code: 'step-limit',
      message: expect.stringContaining('$OUT'),
    });
  });

  it('takes every process down when the process that runs it is killed', async () => {
    const mark = `97${process.pid}${user.length}`;
    const io = await folders(uidOf(user));
    const uid = uidOf(user);
    const child = startChild(
      { step: step(`setsid sleep ${mark} & sleep ${mark}`), io },
      uid === undefined ? {} : { uid },
    );
    await expect
      .poll(async () => (await processesWith(`sleep\0${mark}`)).length, { timeout: 15_000 })
      .toBeGreaterThan(1);
    child.kill('SIGKILL');
    await expect.poll(() => processesWith(mark), { timeout: 5_000 }).toEqual([]);
  });

  it('names the setting where user namespaces are forbidden', async () => {
    await folders(uidOf(user));
    const libraries = join(root.path, LOADER, '..');
    const own = (tool: string) => [
      join(root.path, LOADER),
      '--library-path',
      libraries,
      join(root.path, 'usr/bin', tool),
    ];
    // A namespace of its own, in which the setting can be changed without changing it for the machine.
    const wrap = [
      ...own('unshare'),
      '--user',
      '--map-root-user',
      '/bin/sh',
      '-c',
      'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"',
      'sh',
    ];
    const uid = uidOf(user);
    const result = await inChild(
      { step: step(''), check: true },
      { wrap, ...(uid === undefined ? {} : { uid }) },
    );
    expect(result).toMatchObject({
      ok: false,
      code: 'sandbox-unavailable',
      message: 'Cannot start the sandbox: user.max_user_namespaces is 0',
      hint: expect.stringMatching(/sysctl user\.max_user_namespaces=\d+\. Or build with "--executor docker"/),
    });
  });
});

describe.skipIf(testRoot() === undefined)('sandboxExecutor()', () => {
  it('passes its own check', async () => {
    await expect(sandboxExecutor().check(root)).resolves.toBeUndefined();
  });

  it('stops at an abort and throws its reason', async () => {
    const mark = `96${process.pid}`;
    const abort = new AbortController();
    const running = sandboxExecutor().execute(step(`sleep ${mark}`), {
      ...(await folders()),
      signal: abort.signal,
    });
    const failed = expect(running).rejects.toThrow('enough');
    await delay(500);
    abort.abort(new Error('enough'));
    await failed;
    expect(await processesWith(mark)).toEqual([]);
  });

  it('says which tool a root lacks', async () => {
    const empty = await mkdtemp(join(base, 'root-'));
    const running = sandboxExecutor().execute(
      step('', { root: { digest: 'sha256:ff', path: empty } }),
      await folders(),
    );
    await expect(running).rejects.toMatchObject({
      code: 'lock-invalid',
      message: expect.stringContaining('ld-linux'),
    });
  });

  it.each(['../etc', 'a/b', '.hidden', '-o', 'a b', ''])('refuses the input name %j', async (name) => {
    const one = step('', { inputs: { [name]: { path: base, digest: 'sha256:00' } } });
    await expect(sandboxExecutor().execute(one, await folders())).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  it('gives steps that run at once limits of their own', async () => {
    const limits = { seconds: 60, outputBytes: 1000, processes: 8 };
    const one = step('set +x; i=0; while [ $i -lt 5 ]; do sleep 1 & i=$((i+1)); done; wait; echo done', {
      limits,
    });
    await Promise.all([1, 2, 3].map(async () => sandboxExecutor().execute(one, await folders())));
  });
});

describe.skipIf(testRoot() === undefined)('runStep()', () => {
  it('runs a step once, keeps its output normalised, and names it by content', async () => {
    const store = await Store.open(join(base, 'store'));
    const options = { reporter: silentReporter };
    const one = step('mkdir -m 700 $OUT/d; echo x > $OUT/d/f; chmod 4711 $OUT/d/f; date +%N > /build/noise');
    const first = await runStep(sandboxExecutor(), store, one, options);
    expect((await stat(join(first, 'd'))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(first, 'd/f'))).mode & 0o7777).toBe(0o755);
    const again = await runStep({ name: 'sandbox', check: never, execute: never }, store, one, options);
    expect(again).toBe(first);
    const other = await runStep(sandboxExecutor(), store, { ...one, script: `${one.script} ` }, options);
    expect(other).not.toBe(first);
    expect(await outputDigest(other)).toBe(await outputDigest(first));
  });

  it('keeps nothing of a failed step but its log, which the error names', async () => {
    const store = await Store.open(join(base, 'store'));
    const one = step('echo told > $OUT/f; echo last words; exit 4');
    const error = await runStep(sandboxExecutor(), store, one, { reporter: silentReporter }).catch((e) => e);
    expect(error).toBeInstanceOf(BuilderError);
    const log = /in (\S+)$/.exec(error.hint)?.[1] ?? '';
    expect(await readFile(log, 'utf8')).toContain('last words');
    await removeTree(join(log, '..'));
    expect(await readdir(join(base, 'store/trees/output'))).not.toContainEqual(
      expect.stringContaining('tmp'),
    );
    await expect(runStep(sandboxExecutor(), store, one, { reporter: silentReporter })).rejects.toThrow(
      'exit code 4',
    );
  });
});

async function never(): Promise<void> {
  throw new Error('must not run');
}

async function inputs(): Promise<Step['inputs']> {
  const path = await mkdtemp(join(base, 'input-'));
  await chown(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  await mkdir(join(path, 'tree'));
  await writeFile(join(path, 'tree/inner'), 'inner\n');
  await writeFile(join(path, 'file'), 'file\n');
  const { chmod } = await import('node:fs/promises');
  await chmod(path, 0o755);
  return {
    tree: { path: join(path, 'tree'), digest: 'sha256:01' },
    file: { path: join(path, 'file'), digest: 'sha256:02' },
  };
}

/** Processes of the machine whose command line holds a text. */
async function processesWith(part: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(part)) found.push(`${pid} ${line}`);
  }
  return found;
}
