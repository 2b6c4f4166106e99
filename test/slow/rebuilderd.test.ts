import { execFile, spawn } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../packages/builder/test/temp.ts';
import { startAltee } from '../support/altee.ts';
import { exampleContext } from '../support/context.ts';
import { testProject } from '../support/project.ts';
import { rebuilderdRoot, startedBy } from '../support/rebuilderd.ts';

const ours = fileURLToPath(new URL('../../rebuilderd', import.meta.url));
const program = fileURLToPath(new URL('../../packages/cli/dist/altee.js', import.meta.url));
const run = promisify(execFile);

/** A tar of a release folder, as the guide says to make it. */
async function tar(folder: string, name: string): Promise<void> {
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', [...plain, '-C', folder, '-cf', join(folder, `${name}.tar`), name]);
}

async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const file = createReadStream(join(folder, new URL(request.url ?? '/', 'http://x').pathname));
    file.once('error', () => response.writeHead(404).end());
    file.once('open', () => file.pipe(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** A file of a release, as the scheduler lists it. */
interface Rebuilt {
  readonly name: string;
  readonly version: string;
  readonly status: string;
  readonly build_id: number | null;
}

/** What the worker signs: in-toto's link. */
interface Link {
  readonly signed: { readonly products: Readonly<Record<string, { readonly sha256: string }>> };
  readonly signatures: readonly { readonly sig: string }[];
}

async function getJson<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

async function freePort(): Promise<number> {
  const server = await serve('/nonexistent');
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function eventually<T>(
  ask: () => Promise<T | undefined>,
  seconds: number,
  what: () => Promise<string>,
): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(500)) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  throw new Error(`Nothing after ${seconds} s:\n${await what()}`);
}

/** Canonical JSON of in-toto's metadata (OLPC): sorted keys, no blanks; its strings here need no escapes of their own. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}

describe('the back end for rebuilderd', () => {
  it('has a scheduler and a worker of Debian’s rebuild a release, and tell a tampered one from it', async () => {
    await using dir = await tempFolder();
    const { workshop } = await exampleContext('hello');
    const root = await rebuilderdRoot(workshop);
    const www = join(dir.path, 'www');
    await mkdir(www);

    // Three releases: as published; with one byte of the image changed; with nothing to rebuild in the tar.
    await using project = await testProject();
    const key = join(dir.path, 'publisher.pem');
    await startAltee(['release', '--new-key', key]).ended;
    const good = join(www, 'faulty-0.1.0');
    const released = await startAltee(['release', project.manifest, '--key', key, '--out', good]).ended;
    expect(released.exitCode, released.stderr).toBe(0);
    for (const name of ['faulty-0.1.1', 'faulty-0.1.2']) await cp(good, join(www, name), { recursive: true });
    for (const name of ['faulty-0.1.0', 'faulty-0.1.1']) await tar(www, name);
    await run('tar', ['-C', www, '-cf', join(www, 'faulty-0.1.2.tar'), 'faulty-0.1.2/README.txt']);
    const image = await open(join(www, 'faulty-0.1.1/faulty.efi'), 'r+');
    await image.write(Buffer.from([1]), 0, 1, 1 << 20);
    await image.close();
    const server = await serve(www);

    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const auth = '[auth]\ncookie = "cookie"\n[worker]\nsignup_secret = "secret"\n';
    const config = `[http]\nbind_addr = "127.0.0.1:${port}"\nendpoint = "${endpoint}"\n${auth}`;
    await mkdir(join(dir.path, '.config'));
    await writeFile(join(dir.path, '.config/rebuilderd.conf'), config);
    const altee = join(dir.path, 'altee');
    await writeFile(altee, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
    await chmod(altee, 0o755);
    const worker = (await readFile(join(ours, 'rebuilderd-worker.conf'), 'utf8'))
      .replace('http://127.0.0.1:8484', endpoint)
      .replace('CHANGE-ME', 'secret')
      .replace('/usr/local/libexec', ours);
    await writeFile(join(dir.path, 'worker.conf'), worker);
    // The kernel that the store has already is taken from it: this test is of the scheduler and the back end.
    const env = { ...process.env, HOME: dir.path, ALTEE: altee, ALTEE_CACHE: workshop.store.dir };
    const log = await open(join(dir.path, 'log'), 'a');
    const start = (which: 'rebuilderd' | 'rebuilderd-worker', args: string[]) => {
      const [command, ...rest] = startedBy(root, which);
      return spawn(command, [...rest, ...args], { cwd: dir.path, env, stdio: ['ignore', log.fd, log.fd] });
    };
    const ctl = async (args: string[]) => {
      const [command, ...rest] = startedBy(root, 'rebuildctl');
      return (await run(command, [...rest, ...args], { cwd: dir.path, env })).stdout;
    };
    const logText = () => readFile(join(dir.path, 'log'), 'utf8');

    const daemon = start('rebuilderd', ['-c', join(dir.path, '.config/rebuilderd.conf')]);
    let busy: ReturnType<typeof start> | undefined;
    try {
      await eventually(() => ctl(['queue', 'ls']), 60, logText);
      const base = `http://127.0.0.1:${portOf(server)}`;
      const lines = ['0.1.0', '0.1.1', '0.1.2'].map(
        (version) => `faulty ${version} ${base}/faulty-${version}`,
      );
      const sync = join(dir.path, 'sync.json');
      await run('sh', ['-c', `printf '%s\\n' "$@" | sh ${ours}/altee-sync.sh > "$0"`, sync, ...lines]);
      const [loader = '', ...rest] = startedBy(root, 'rebuildctl');
      const piped = '"$@" pkgs sync-stdin altee releases < "$0"';
      await run('sh', ['-c', piped, sync, loader, ...rest], { cwd: dir.path, env });

      busy = start('rebuilderd-worker', ['-c', join(dir.path, 'worker.conf'), 'connect']);
      const packages = await eventually(
        async () => {
          const list = await getJson<Rebuilt[]>(`${endpoint}/api/v0/pkgs/list`);
          return list.length === 12 && list.every(({ status }) => status !== 'UNKWN') ? list : undefined;
        },
        600,
        async () => `${await ctl(['pkgs', 'ls'])}\n${await logText()}`,
      );
      const statuses = Object.fromEntries(
        packages.map(({ name, version, status }) => [`${name} ${version}`, status]),
      );
      expect(statuses, await logText()).toEqual({
        'faulty.efi 0.1.0': 'GOOD',
        'faulty.disk 0.1.0': 'GOOD',
        'kernel.config 0.1.0': 'GOOD',
        'measurements.json 0.1.0': 'GOOD',
        'faulty.efi 0.1.1': 'BAD',
        'faulty.disk 0.1.1': 'GOOD',
        'kernel.config 0.1.1': 'GOOD',
        'measurements.json 0.1.1': 'GOOD',
        'faulty.efi 0.1.2': 'BAD',
        'faulty.disk 0.1.2': 'BAD',
        'kernel.config 0.1.2': 'BAD',
        'measurements.json 0.1.2': 'BAD',
      });
      expect(await logText()).toContain('holds no source.tar');

      // rebuildctl asks by name only, and there are three of that name.
      const build = packages.find(
        ({ name, version }) => name === 'faulty.efi' && version === '0.1.0',
      )?.build_id;
      const attestation = await getJson<Link>(`${endpoint}/api/v0/builds/${build}/attestation`);
      const published = await readFile(join(good, 'faulty.efi'));
      expect(attestation.signed.products['faulty.efi']?.sha256).toBe(
        createHash('sha256').update(published).digest('hex'),
      );
      const [, publicKey = ''] = /^(\S{44}) /m.exec(await ctl(['status'])) ?? [];
      // The prefix of an Ed25519 key in SubjectPublicKeyInfo: RFC 8410 §4.
      const spki = Buffer.concat([
        Buffer.from('302a300506032b6570032100', 'hex'),
        Buffer.from(publicKey, 'base64'),
      ]);
      const signature = Buffer.from(attestation.signatures[0]?.sig ?? '', 'hex');
      const signed = Buffer.from(canonical(attestation.signed));
      const verified = verify(
        null,
        signed,
        createPublicKey({ key: spki, format: 'der', type: 'spki' }),
        signature,
      );
      expect(verified, JSON.stringify(attestation)).toBe(true);
    } finally {
      busy?.kill();
      daemon.kill();
      server.close();
      await log.close();
    }
  });
});
