import { execFile, spawn } from 'node:child_process';
import { access, mkdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A container engine that answers, for tests. */
export interface TestEngine {
  readonly program: 'docker' | 'podman';
  /** The environment in which altee finds this engine and no other. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a command of its client and gives what it printed. */
  command(...args: string[]): Promise<string>;
}

/** The engines of this machine, Docker's and Podman's; tests for one that doesn't answer are skipped with a word. */
export async function testEngines(folder: string): Promise<TestEngine[]> {
  const engines: TestEngine[] = [];
  for (const program of ['docker', 'podman'] as const) {
    const engine = await testEngine(program, folder);
    const answer = await engine?.command('info').catch((error: Error) => error);
    if (engine !== undefined && typeof answer === 'string') engines.push(engine);
    else console.warn(`Skipped: no ${program} that answers is here (Debian: docker.io, podman)`);
  }
  return engines;
}

/** The client alone in a PATH, with the helpers that Podman calls. */
async function testEngine(program: 'docker' | 'podman', folder: string): Promise<TestEngine | undefined> {
  const bin = join(folder, `${program}-bin`);
  await mkdir(bin, { recursive: true });
  for (const tool of [program, 'sh', 'cat', 'sleep']) {
    const found = await findProgram(tool);
    if (found === undefined) return undefined;
    await symlink(found, join(bin, tool)).catch(() => {});
  }
  // Podman asks for limits that root in a container may not set.
  const config = join(folder, 'containers.conf');
  await writeFile(config, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n');
  const env = {
    ...process.env,
    PATH: [bin, '/usr/sbin', '/sbin'].join(delimiter),
    ...(program === 'podman' ? { CONTAINERS_CONF: config } : {}),
  };
  return engineIn(program, env);
}

export function engineIn(program: 'docker' | 'podman', env: NodeJS.ProcessEnv): TestEngine {
  return {
    program,
    env,
    command: async (...args) => (await run(program, args, { env, maxBuffer: 2 ** 26 })).stdout.trim(),
  };
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** A Docker engine of the test's own, on a folder of its own. */
export interface OwnEngine extends AsyncDisposable {
  readonly engine: TestEngine;
  readonly socket: string;
}

/** Starts `dockerd` on `folder`; undefined where there is none or it doesn't start here. */
export async function ownDockerd(folder: string, env: NodeJS.ProcessEnv): Promise<OwnEngine | undefined> {
  const program = await findProgram('dockerd');
  if (program === undefined || process.getuid?.() !== 0) return undefined;
  const socket = join(folder, 'docker.sock');
  const child = spawn(
    program,
    [
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--host', `unix://${socket}`, '--pidfile', join(folder, 'pid')],
      ...['--bridge', 'none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, delay(20_000).then(() => child.kill('SIGKILL'))]);
    await ended;
  };
  const engine = engineIn('docker', { ...env, DOCKER_HOST: `unix://${socket}` });
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    if (
      await engine.command('version').then(
        () => true,
        () => false,
      )
    )
      return { engine, socket, [Symbol.asyncDispose]: stop };
    await delay(300);
  }
  await stop();
  return undefined;
}
