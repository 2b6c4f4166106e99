import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';

/** Whether Nix is here; tests that need it say so when they are skipped. */
export async function hasNix(): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, 'nix-build')).then(
        () => true,
        () => false,
      ),
    ),
  );
  const is = found.includes(true);
  if (!is) console.warn('Skipped: there is no Nix here (Debian: nix-bin)');
  return is;
}

/** A Nix store of its own in a folder, for one test file. */
export interface TestNixStore extends AsyncDisposable {
  readonly folder: string;
  /** What Nix calls it. */
  readonly uri: string;
  /** The environment of whoever uses it, with further lines of nix.conf. */
  env(...config: readonly string[]): Record<string, string>;
}

export async function testNixStore(base: string, name: string): Promise<TestNixStore> {
  const folder = join(base, name);
  await mkdir(folder, { recursive: true });
  const uri = `local?root=${folder}`;
  return {
    folder,
    uri,
    env: (...config) => ({
      NIX_REMOTE: uri,
      NIX_CONFIG: ['substituters =', 'experimental-features = nix-command flakes', ...config].join('\n'),
    }),
    [Symbol.asyncDispose]: () => removeTree(folder),
  };
}

/** A folder that every user may enter, gone after the tests. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp('/var/tmp/altee-nix-');
  await chmod(folder, 0o755);
  return folder;
}

/** Does `work` with these variables set, and puts the old ones back. */
export async function withEnv<T>(env: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** Runs a Nix tool to set the scene; a failure fails the test. */
export async function nix(env: Record<string, string>, tool: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(tool, args, { env: { ...process.env, ...env } });
  return stdout.trim();
}

export interface TestDaemon extends AsyncDisposable {
  /** The environment of its clients. */
  readonly env: Record<string, string>;
}

/** A real Nix daemon over a store in a folder of its own, with these lines in its nix.conf; `base` is open to all users. */
export async function startDaemon(base: string, ...config: readonly string[]): Promise<TestDaemon> {
  const folder = await mkdtemp(join(base, 'daemon-'));
  await chmod(folder, 0o755);
  const place = {
    NIX_STORE_DIR: join(folder, 'store'),
    NIX_STATE_DIR: join(folder, 'var'),
    NIX_LOG_DIR: join(folder, 'log'),
  };
  const socket = join(folder, 'socket');
  await writeFile(join(folder, 'nix.conf'), ['build-users-group =', ...config, ''].join('\n'));
  const daemon: ChildProcess = spawn('nix-daemon', [], {
    stdio: 'ignore',
    env: {
      ...place,
      PATH: process.env['PATH'],
      NIX_REMOTE: 'local',
      NIX_CONF_DIR: folder,
      NIX_DAEMON_SOCKET_PATH: socket,
    },
  });
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()));
  const isThere = () =>
    access(socket).then(
      () => true,
      () => false,
    );
  for (let tries = 0; tries < 100 && !(await isThere()); tries++) await delay(100);
  return {
    env: { ...place, NIX_REMOTE: `unix://${socket}`, NIX_CONFIG: 'substituters =' },
    [Symbol.asyncDispose]: async () => {
      daemon.kill();
      await ended;
      await removeTree(folder);
    },
  };
}
