import { execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuilderError } from '../../packages/builder/src/error.ts';
import { LOADER } from '../../packages/builder/src/executor/enter.ts';
import type { Executor, Step, StepIo } from '../../packages/builder/src/executor/executor.ts';
import { type NixOptions, nixExecutor } from '../../packages/builder/src/executor/nix/nix.ts';
import { normaliseOutput, treeDigest } from '../../packages/builder/src/executor/output-tree.ts';
import { sandboxExecutor } from '../../packages/builder/src/executor/sandbox.ts';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { testRoot } from '../../packages/builder/test/support/root.ts';
import {
  hasNix,
  nix,
  startDaemon,
  type TestNixStore,
  testFolder,
  testNixStore,
  withEnv,
} from '../support/nix.ts';

const root = testRoot() ?? { digest: '', path: '' };
const canRun = testRoot() !== undefined && (await hasNix());
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;
const CHILD = fileURLToPath(new URL('../../packages/builder/test/support/execute-step.ts', import.meta.url));

let base: string;
let store: TestNixStore;
beforeAll(async () => {
  base = await testFolder();
  store = await testNixStore(base, 'store');
});
afterAll(() => removeTree(base));

function step(script: string, more: Partial<Step> = {}): Step {
  const limits = { seconds: 60, outputBytes: 1 << 20, processes: 64 };
  return { name: 'test', root, script, env: {}, inputs: {}, limits, ...more };
}

interface TestIo extends StepIo {
  /** What was shown to whoever watches. */
  readonly lines: string[];
}

async function folders(owner?: number): Promise<TestIo> {
  const path = await mkdtemp(join(base, 'step-'));
  const lines: string[] = [];
  const io = {
    outDir: join(path, 'out'),
    workDir: join(path, 'work'),
    logFile: join(path, 'log'),
    lines,
    onLine: (line: string) => lines.push(line),
  };
  await mkdir(io.outDir);
  await mkdir(io.workDir);
  if (owner !== undefined) for (const dir of [path, io.outDir, io.workDir]) await chown(dir, owner, owner);
  return io;
}

/** An executor whose links to a Nix store are those of that store. */
function executorFor(nixStore: TestNixStore, options: NixOptions = {}): Executor {
  return nixExecutor({ linksDir: `${nixStore.folder}-links`, ...options });
}

async function run(
  one: Step,
  config: string[] = [],
  nixStore = store,
  options: NixOptions = {},
): Promise<TestIo> {
  const io = await folders();
  await withEnv(nixStore.env(...config), () => executorFor(nixStore, options).execute(one, io));
  return io;
}

async function fail(one: Step, options: NixOptions = {}): Promise<BuilderError> {
  return await run(one, [], store, options).then(
    () => expect.unreachable('the step should fail'),
    (error: unknown) => error as BuilderError,
  );
}

/** The digest of what a step leaves, and its lines without the shell's trace. */
async function outcome(io: TestIo): Promise<{ digest: string; lines: string[] }> {
  await normaliseOutput(io.outDir, 'test');
  const log = await readFile(io.logFile, 'utf8');
  const lines = log.split('\n').filter((line) => line !== '' && !line.startsWith('+'));
  return { digest: await treeDigest(io.outDir), lines };
}

/** A step's process of its own, as another user or in another namespace. */
async function inChild(
  argument: object,
  options: { uid?: number; wrap?: string[]; env?: Record<string, string | undefined> },
): Promise<{ ok: boolean; code?: string; message?: string; hint?: string }> {
  const { uid, wrap = [], env = {} } = options;
  const [file = '', ...args] = [
    ...wrap,
    ...[process.execPath, '--conditions=altee:source', '--import', import.meta.resolve('tsx'), CHILD],
    JSON.stringify({ executor: 'nix', ...argument }),
  ];
  const home = await mkdtemp(join(base, 'home-'));
  if (uid !== undefined) await chown(home, uid, uid);
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: home, ALTEE_CACHE: join(home, 'altee'), TMPDIR: home, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return JSON.parse(await text(child.stdout));
}

/** A folder with files that may be written to and not, a program, a link, an odd name and times of its own. */
async function sampleInputs(): Promise<Step['inputs']> {
  const folder = await mkdtemp(join(base, 'input-'));
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'sub dir'), { recursive: true });
  await writeFile(join(tree, 'plain'), 'plain\n');
  await writeFile(join(tree, "sub dir/it's"), '#!/bin/sh\necho ran\n', { mode: 0o755 });
  await writeFile(join(tree, '.hidden'), '');
  await writeFile(join(folder, 'file'), 'file\n');
  await writeFile(join(folder, 'locked'), 'locked\n', { mode: 0o444 });
  const entries = [
    'tree/plain',
    "tree/sub dir/it's",
    'tree/.hidden',
    'tree/sub dir',
    'tree',
    'file',
    'locked',
  ];
  for (const name of entries) await utimes(join(folder, name), 0, 0);
  const input = (name: string) => ({ path: join(folder, name), digest: `sha256:${name}` });
  return { tree: input('tree'), file: input('file'), locked: input('locked') };
}

const STEPS: Record<string, string> = {
  'files, programs and links of all kinds': `printf 'no newline' > $OUT/file; : > $OUT/empty; cp /usr/bin/env $OUT/program
ln -s /nowhere "$OUT/dangling"; ln $OUT/file $OUT/hard; mkdir -p $OUT/a/b/c $OUT/.hidden; head -c 100000 /dev/zero > $OUT/zeros
printf x > "$OUT/a name with 'quotes' and
a newline"`,
  'modes that Nix does not keep': `echo a > $OUT/a; chmod 000 $OUT/a; echo b > $OUT/b; chmod 711 $OUT/b; echo c > $OUT/c; chmod 654 $OUT/c
mkdir $OUT/closed; echo d > $OUT/closed/d; chmod 0 $OUT/closed; mkdir $OUT/open; chmod 777 $OUT/open $OUT`,
  'inputs as they are, and copies of them that can be written to': `cd /src
find . -mindepth 1 ! -name locked | sort | while read -r f; do stat -c '%n %a %Y %F' "$f"; done > $OUT/list
stat -c %a locked >> $OUT/list; cp -r tree /build/tree; echo more >> /build/tree/plain; : > /build/tree/new
"tree/sub dir/it's" > $OUT/ran; cat tree/plain file locked > $OUT/all; cp -r tree $OUT/`,
  'the root': `find / \\( -path /proc -o -path /dev -o -path /out \\) -prune -o -printf '%p %m %y %l\\n' | sort > $OUT/list
cp -r /usr/share/perl5 /build/p; : > /build/p/new`,
  'environment, identity and limits': `{ env | grep -v ^JOBS= | sort; id; umask; pwd; uname -n; ulimit -a; ls -a /; ls -l /dev | cut -c1-10
grep -E '^(Cap|NoNewPrivs)' /proc/self/status; cat /proc/net/dev | cut -d: -f1; hostname || :; cat /etc/hosts
test -t 0 || echo no terminal; test -t 1 || echo none; readlink /proc/self/cwd; } > $OUT/facts 2>&1`,
};

describe.skipIf(!canRun)('nixExecutor()', () => {
  it.each(Object.keys(STEPS))('gives what the sandbox gives: %s', async (name) => {
    const one = step(`set +x\n${STEPS[name]}`, {
      inputs: await sampleInputs(),
      env: { QUOTED: `it's "$OUT"` },
    });
    const io = await folders();
    await sandboxExecutor().execute(one, io);
    const expected = await outcome(io);
    const viaNix = await run(one);
    const facts = (folder: TestIo) => readFile(join(folder.outDir, 'facts'), 'utf8').catch(() => '');
    expect(await facts(viaNix)).toBe(await facts(io));
    expect(await outcome(viaNix)).toEqual(expected);
  });

  it('gives inputs their times in a root without find', async () => {
    const bare = join(await mkdtemp(join(base, 'root-')), 'bare');
    await promisify(execFile)('cp', ['-a', root.path, bare]);
    await rm(join(bare, 'usr/bin/find'), { force: true });
    const script = `cd /src; stat -c '%n %a %Y %F' tree tree/plain tree/.hidden tree/sub* tree/sub*/it* file > $OUT/list`;
    const one = step(script, { root: { digest: 'sha256:bare', path: bare }, inputs: await sampleInputs() });
    const io = await folders();
    await sandboxExecutor().execute(one, io);
    expect(await outcome(await run(one))).toEqual(await outcome(io));
  });

  it('gives the step its number of jobs, which is no part of what Nix builds', async () => {
    const one = step('echo jobs $JOBS; head -c 8 /dev/urandom > $OUT/random');
    const first = await run(one, [], store, { jobs: 3 });
    expect(first.lines).toContain('jobs 3');
    const second = await run(one, [], store, { jobs: 5 });
    expect(await outcome(second)).toEqual({ ...(await outcome(first)), lines: [] });
  });

  it('runs a step anew that is asked to be fresh', async () => {
    const one = step('head -c 8 /dev/urandom > $OUT/random');
    const digests = [];
    for (const _ of [1, 2]) digests.push((await outcome(await run(one, [], store, { fresh: true }))).digest);
    expect(digests[0]).not.toBe(digests[1]);
  });

  it('passes its own check', async () => {
    await withEnv(store.env(), () => executorFor(store).check(root));
  });

  it.each<[string, string, object]>([
    [
      'a command that fails',
      'echo before; ls /nonexistent; echo after',
      { code: 'step-failed', message: 'Step "test" failed with exit code 2 at "ls /nonexistent"' },
    ],
    [
      'a special file',
      'mkfifo $OUT/pipe',
      { code: 'step-failed', message: 'Step "test" left a special file at "$OUT/pipe"' },
    ],
    ['a large output at its end', 'head -c 3000000 /dev/zero > $OUT/x', { code: 'step-limit' }],
    ['a large output on its way', 'head -c 3000000 /dev/zero > $OUT/x; sleep 50', { code: 'step-limit' }],
    ['too much time', 'sleep 50', { code: 'step-limit', message: expect.stringContaining('more than 4 s') }],
  ])('fails as the sandbox does: %s', async (_what, script, expected) => {
    const limits = { seconds: 4, outputBytes: 1 << 20, processes: 64 };
    expect(await fail(step(script, { limits }))).toMatchObject(expected);
    const io = await folders();
    await expect(
      sandboxExecutor()
        .execute(step(script, { limits }), io)
        .then(() => normaliseOutput(io.outDir, 'test')),
    ).rejects.toMatchObject(expected);
  });

  it('stops everything at an abort and throws its reason', async () => {
    const mark = `94${process.pid}`;
    const abort = new AbortController();
    const io = { ...(await folders()), signal: abort.signal };
    const running = withEnv(store.env(), () =>
      executorFor(store).execute(step(`sleep ${mark} & sleep ${mark}`), io),
    );
    const failed = expect(running).rejects.toThrow('enough');
    await expect.poll(() => processesWith(`sleep\0${mark}`), { timeout: 30_000 }).not.toEqual([]);
    abort.abort(new Error('enough'));
    await failed;
    await expect.poll(() => processesWith(mark), { timeout: 5_000 }).toEqual([]);
  });

  it('says that Nix is not installed', async () => {
    const running = withEnv({ PATH: '/nonexistent' }, async () =>
      executorFor(store).execute(step(''), await folders()),
    );
    await expect(running).rejects.toMatchObject({
      code: 'sandbox-unavailable',
      message: expect.stringContaining('Nix is not installed'),
    });
  });

  it('says which tool a root lacks', async () => {
    const empty = await mkdtemp(join(base, 'root-'));
    expect(await fail(step('', { root: { digest: 'sha256:ff', path: empty } }))).toMatchObject({
      code: 'lock-invalid',
    });
  });

  it.each(['../etc', 'a b', '-o'])('refuses the input name %j', async (name) => {
    const inputs = { [name]: { path: base, digest: 'sha256:00' } };
    expect(await fail(step('', { inputs }))).toMatchObject({ code: 'invalid-input' });
  });

  it('refuses a script with a NUL, which no shell can be given', async () => {
    expect(await fail(step('echo \0{top}'))).toMatchObject({ code: 'invalid-input' });
  });

  it('refuses an output that was changed in the Nix store', async () => {
    const one = step('echo right > $OUT/file');
    await run(one);
    for (const name of await readdir(join(store.folder, 'nix/store'))) {
      const file = join(store.folder, 'nix/store', name, 'file');
      if ((await readFile(file, 'utf8').catch(() => '')) !== 'right\n') continue;
      await chmod(file, 0o644);
      await writeFile(file, 'wrong\n');
    }
    expect(await fail(one)).toMatchObject({ code: 'store-corrupt' });
  });

  it('refuses, when asked to be fresh, an input that was changed in the Nix store', async () => {
    const inputs = await sampleInputs();
    const one = step('cat /src/file > $OUT/file', {
      inputs: { file: inputs['file'] ?? { path: '', digest: '' } },
    });
    await run(one, [], store, { fresh: true });
    const stored = (await readdir(join(store.folder, 'nix/store'))).filter((name) =>
      name.endsWith('-altee-input'),
    );
    for (const name of stored) {
      const file = join(store.folder, 'nix/store', name);
      if ((await readFile(file, 'utf8').catch(() => '')) !== 'file\n') continue;
      await chmod(file, 0o644);
      await writeFile(file, 'evil\n');
    }
    expect(await fail(one, { fresh: true })).toMatchObject({ code: 'store-corrupt' });
    for (const name of stored)
      await rm(join(store.folder, 'nix/store', name), { recursive: true, force: true });
  });
});

describe.skipIf(!canRun || !isRoot)('nixExecutor() where Nix cannot build', () => {
  it('says that the store is not writable', async () => {
    const result = await inChild(
      { step: step(''), check: true },
      { uid: NOBODY, env: { NIX_REMOTE: 'local', NIX_STATE_DIR: '/proc/none' } },
    );
    expect(result).toMatchObject({
      code: 'sandbox-unavailable',
      message: expect.stringContaining('may not write to the Nix store'),
    });
  });

  it('says that the daemon does not answer', async () => {
    const result = await inChild(
      { step: step(''), check: true },
      { uid: NOBODY, env: { NIX_REMOTE: `unix://${base}/no-socket` } },
    );
    expect(result).toMatchObject({
      code: 'sandbox-unavailable',
      message: expect.stringContaining('the Nix daemon does not answer'),
    });
  });

  it('names the setting where user namespaces are forbidden', async () => {
    const loader = join(root.path, LOADER);
    const forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"';
    const wrap = [
      ...[loader, '--library-path', join(loader, '..'), join(root.path, 'usr/bin/unshare')],
      ...['--user', '--map-root-user', '/bin/sh', '-c', forbid, 'sh'],
    ];
    const home = await mkdtemp(join(base, 'st-'));
    await chown(home, NOBODY, NOBODY);
    const result = await inChild(
      { step: step(''), check: true },
      { uid: NOBODY, wrap, env: { NIX_REMOTE: `local?root=${home}` } },
    );
    expect(result).toMatchObject({
      code: 'sandbox-unavailable',
      message: expect.stringContaining('user.max_user_namespaces is 0'),
    });
  });

  it('refuses a daemon that builds outside of the sandbox', async () => {
    await using daemon = await startDaemon(base, 'sandbox = false');
    const result = await inChild({ step: step(''), check: true }, { uid: NOBODY, env: daemon.env });
    expect(result).toMatchObject({
      code: 'sandbox-unavailable',
      message: expect.stringContaining('its sandbox is switched off'),
    });
  });
});

describe.skipIf(!canRun || !isRoot)('nixExecutor() of an ordinary user', () => {
  it('runs steps in a store of the user alone', async () => {
    const home = await mkdtemp(join(base, 'own-'));
    await chown(home, NOBODY, NOBODY);
    const io = await folders(NOBODY);
    const one = step('id -u > $OUT/uid');
    expect(
      await inChild(
        { step: one, io },
        { uid: NOBODY, env: { NIX_REMOTE: `local?root=${home}`, NIX_CONFIG: 'substituters =' } },
      ),
    ).toEqual({ ok: true });
    expect(await readFile(join(io.outDir, 'uid'), 'utf8')).toBe('1000\n');
  });

  it('runs steps through the daemon', async () => {
    await using daemon = await startDaemon(base, 'sandbox = true');
    const io = await folders(NOBODY);
    const one = step('id -u > $OUT/uid; echo by the daemon');
    expect(await inChild({ step: one, io }, { uid: NOBODY, env: daemon.env })).toEqual({ ok: true });
    expect(await readFile(join(io.outDir, 'uid'), 'utf8')).toBe('1000\n');
    expect(await readFile(io.logFile, 'utf8')).toContain('by the daemon\n');
  });
});

describe.skipIf(!canRun)('nixExecutor() with other stores', () => {
  let client: TestNixStore;
  beforeAll(async () => {
    client = await testNixStore(base, 'client');
  });

  /** Its output tells whether it was run again. */
  const oddStep = (name: string) => step(`echo ${name}; head -c 16 /dev/urandom > $OUT/random`);

  async function cacheOf(
    name: string,
    sign: boolean,
  ): Promise<{ url: string; publicKey: string; digest: string; one: Step }> {
    const one = oddStep(name);
    const io = await run(one);
    const { digest } = await outcome(io);
    const outputs = await readdir(join(store.folder, 'nix/store'));
    const random = await readFile(join(io.outDir, 'random'));
    const [output = ''] = await Promise.all(
      outputs.map(async (entry) => {
        const found = await readFile(join(store.folder, 'nix/store', entry, 'random')).catch(() => undefined);
        return found?.equals(random) ? entry : '';
      }),
    ).then((found) => found.filter(Boolean));
    const folder = await mkdtemp(join(base, 'cache-'));
    await nix(
      store.env(),
      'nix-store',
      '--generate-binary-cache-key',
      `${name}-1`,
      join(folder, 'key'),
      join(folder, 'key.pub'),
    );
    const url = `file://${join(folder, 'cache')}`;
    const path = `/nix/store/${output}`;
    if (sign) await nix(store.env(), 'nix', 'store', 'sign', '--key-file', join(folder, 'key'), path);
    await nix(store.env(), 'nix', 'copy', '--to', url, path);
    return { url, publicKey: await readFile(join(folder, 'key.pub'), 'utf8'), digest, one };
  }

  it('takes a signed step from a binary cache', async () => {
    const { url, publicKey, digest, one } = await cacheOf('signed', true);
    const io = await run(one, [`substituters = ${url}`, `trusted-public-keys = ${publicKey}`], client);
    expect(await outcome(io)).toEqual({ digest, lines: [] });
  });

  it.each([
    ['without a signature', false, true],
    ['signed by a key that is not trusted', true, false],
  ])('runs a step itself that a binary cache has %s', async (_what, sign, trust) => {
    const { url, publicKey, digest, one } = await cacheOf(`refused-${sign}`, sign);
    const key = trust ? publicKey : '';
    const io = await run(one, [`substituters = ${url}`, `trusted-public-keys = ${key}`], client);
    const found = await outcome(io);
    expect(found.lines).toEqual([`refused-${sign}`]);
    expect(found.digest).not.toBe(digest);
  });

  it('takes nothing from a binary cache when asked to be fresh', async () => {
    const { url, publicKey, digest, one } = await cacheOf('fresh', true);
    const config = [`substituters = ${url}`, `trusted-public-keys = ${publicKey}`];
    expect((await outcome(await run(one, config, client, { fresh: true }))).digest).not.toBe(digest);
  });

  it('has a remote builder run the steps', async () => {
    await using remote = await testNixStore(base, 'remote');
    const here = client;
    const one = step('echo built; echo result > $OUT/file; cat /src/file >> $OUT/file', {
      inputs: await sampleInputs(),
    });
    const io = await run(
      one,
      [`builders = ${remote.uri} x86_64-linux - 1 1`, 'max-jobs = 0', 'build-users-group ='],
      here,
    );
    expect(await readFile(join(io.outDir, 'file'), 'utf8')).toBe('result\nfile\n');
    expect(io.lines).toContain('built');
    // What was built there came here, and both have it.
    const named = async ({ folder }: TestNixStore) =>
      (await readdir(join(folder, 'nix/store'))).filter((name) => name.endsWith('-altee-test'));
    expect(await named(remote)).toHaveLength(1);
    expect(await named(here)).toEqual(expect.arrayContaining(await named(remote)));
  });

  it('says that no machine builds for this system', async () => {
    await expect(run(step('true'), ['builders =', 'max-jobs = 0'], client)).rejects.toMatchObject({
      code: 'sandbox-unavailable',
    });
  });
});

async function processesWith(part: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter(
    (name) => /^\d+$/.test(name) && name !== String(process.pid),
  )) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (line.includes(part)) found.push(`${pid} ${line}`);
  }
  await delay(0);
  return found;
}
