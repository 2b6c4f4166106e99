import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuditStatement,
  parseAuditStatement,
} from '../../packages/builder/src/audit/audit-statement.ts';
import { parseEnvelope, verifiedPayload } from '../../packages/builder/src/audit/dsse.ts';
import { writeSums } from '../../packages/builder/src/image/sums.ts';
import { readPublicKey } from '../../packages/builder/src/release/public-key.ts';
import { signSums } from '../../packages/builder/src/release/signature.ts';
import { readSigningKey } from '../../packages/builder/src/release/signing-key.ts';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { startAltee } from '../support/altee.ts';
import { testProject } from '../support/project.ts';

/** A publisher, auditors and a relying party, each with the command alone. */
let base: string;
let release: string;
const at = (name: string) => join(base, name);
const altee = (...args: string[]) => startAltee(args, { cwd: base, env: { TMPDIR: '/var/tmp' } }).ended;
const isPresent = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

async function makeKey(name: string): Promise<void> {
  const { exitCode, stdout } = await altee('release', '--new-key', `${name}.pem`);
  expect(exitCode).toBe(0);
  await writeFile(at(`${name}.pub`), stdout);
}

/** A release of a small project, whose kernel the store has already. */
async function makeRelease(name: string, run?: string): Promise<string> {
  await using project = await testProject(run === undefined ? {} : { run });
  const { exitCode, stderr } = await altee(
    ...['release', project.manifest, '--key', 'publisher.pem', '--out', name],
  );
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return at(name);
}

/** A copy of the release that its publisher changed and signed again. */
async function republish(name: string, change: (folder: string) => Promise<void>): Promise<string> {
  const folder = at(name);
  await cp(release, folder, { recursive: true });
  await change(folder);
  await rm(join(folder, 'SHA256SUMS.sig'));
  const sums = Buffer.from(await writeSums(folder));
  await writeFile(
    join(folder, 'SHA256SUMS.sig'),
    signSums(sums, await readSigningKey(at('publisher.pem')), ''),
  );
  return folder;
}

interface Answer {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly statement: AuditStatement | undefined;
}

async function audit(location: string, ...args: string[]): Promise<Answer> {
  await rm(at('audit.json'), { force: true });
  const answer = await altee(
    ...['audit', location, '--key', 'alice.pem', '--publisher-key', 'publisher.pub'],
    ...['--reuse', 'kernel', '--out', 'audit.json', ...args],
  );
  if (!(await isPresent(at('audit.json')))) return { ...answer, statement: undefined };
  const envelope = parseEnvelope(await readFile(at('audit.json'), 'utf8'));
  const payload = verifiedPayload(envelope, await readPublicKey(at('alice.pub')));
  return { ...answer, statement: parseAuditStatement(payload ?? expect.fail('not signed by alice')) };
}

beforeAll(async () => {
  base = await mkdtemp('/var/tmp/altee-audit-test-');
  for (const name of ['publisher', 'alice', 'bob']) await makeKey(name);
  release = await makeRelease('release');
});
afterAll(() => removeTree(base));

describe('altee release', () => {
  it('gives the same bytes twice, wherever the project lies', async () => {
    const again = await makeRelease('again');
    for (const name of ['SHA256SUMS', 'SHA256SUMS.sig'])
      expect(await readFile(join(again, name))).toEqual(await readFile(join(release, name)));
  });

  it('tells what went into the image and what built it', async () => {
    const { components, metadata } = JSON.parse(await readFile(join(release, 'sbom.cdx.json'), 'utf8'));
    const find = (name: string) => components.find((one: { name: string }) => one.name === name);
    expect(metadata.component).toMatchObject({ name: 'faulty', version: '0.1.0' });
    expect(find('linux')).toMatchObject({ scope: 'required', version: '6.12.107' });
    expect(find('systemd')).toMatchObject({ scope: 'required' });
    expect(find('binutils')).toMatchObject({ scope: 'excluded', version: '2.44-3' });
    expect(find('golang-1.24')).toMatchObject({ scope: 'optional', licenses: expect.anything() });
    expect(JSON.stringify(components)).not.toContain('/var/tmp');
  });

  it('refuses to start without a key, and leaves nothing', async () => {
    await using project = await testProject();
    const { exitCode, stderr } = await altee(
      'release',
      project.manifest,
      '--key',
      'nowhere.pem',
      '--out',
      'none',
    );
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('nowhere.pem'),
    });
    expect((await altee('release', project.manifest)).exitCode).toBe(2);
    expect(await isPresent(at('none'))).toBe(false);
  });
});

describe('altee audit', () => {
  it('reproduces a release, which verify-release then accepts', async () => {
    const { exitCode, stdout, statement } = await audit(release);
    expect(stdout).toContain('faulty 0.1.0: reproduced (rebuilt twice, 23 files)');
    expect(exitCode).toBe(0);
    expect(statement?.predicate).toMatchObject({ verdict: 'reproduced', rebuilds: 2, findings: [] });
    const varied = statement?.predicate.conditions.filter((one) => one.varied).map(({ name }) => name);
    expect(varied).toEqual(expect.arrayContaining(['time zone', 'umask', 'path', 'jobs', 'time']));
    expect(statement?.predicate.measurements).toHaveProperty(['lab', 'PCR11', 'status']);

    const policy = {
      apiVersion: 'altee/audit-policy/v1',
      publisher: await readFile(at('publisher.pub'), 'utf8'),
      auditors: [{ name: 'alice', key: await readFile(at('alice.pub'), 'utf8') }],
      require: 1,
      acceptLimits: true,
    };
    await writeFile(at('policy.json'), JSON.stringify(policy));
    const verify = ['verify-release', release, '--policy', 'policy.json'];
    expect(await altee(...verify, '--statement', 'audit.json')).toMatchObject({ exitCode: 0 });
    expect(await altee(...verify)).toMatchObject({ exitCode: 3 });
  });

  it('names the number of jobs where an app has it inside', async () => {
    const leaky = await makeRelease('leaky', 'cp app "$OUT/hello"; echo "$JOBS" > "$OUT/jobs"');
    const { exitCode, stdout, statement } = await audit(leaky);
    expect(exitCode).toBe(3);
    expect(stdout).toContain('NOT reproduced');
    expect(statement?.predicate.findings).toContainEqual(
      expect.objectContaining({ kind: 'leak', subject: 'Build the application', condition: 'jobs' }),
    );
    expect(statement?.predicate.findings).toContainEqual(
      expect.objectContaining({ kind: 'different', subject: 'faulty.efi' }),
    );
  });

  it('does not reproduce an image that comes from elsewhere, and tells the registers', async () => {
    const other = await republish('other', async (folder) => {
      const image = await readFile(join(folder, 'faulty.efi'));
      image[image.length - 100] = (image[image.length - 100] ?? 0) ^ 1;
      await writeFile(join(folder, 'faulty.efi'), image);
    });
    const { exitCode, statement } = await audit(other, '--once');
    expect(exitCode).toBe(3);
    const { verdict, findings, limits } = statement?.predicate ?? expect.fail('no statement');
    expect(verdict).toBe('not-reproduced');
    expect(findings).toContainEqual(
      expect.objectContaining({
        kind: 'different',
        message: expect.stringContaining('"faulty.efi" differs'),
      }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'measurement', subject: expect.stringMatching(/^lab PCR4$/) }),
    );
    expect(limits).toContain('one rebuild was made: what one machine always does the same was not tried');
  });

  it.each(['altee.lock', 'faulty.disk', 'policy/altee.json'])(
    'does not reproduce a release that lacks "%s", and never skips it',
    async (name) => {
      const copy = at(`without ${name.replace('/', ' ')}`);
      await cp(release, copy, { recursive: true });
      await rm(join(copy, name));
      const { exitCode, statement } = await audit(copy);
      expect(exitCode).toBe(3);
      expect(statement?.predicate.findings).toEqual([
        {
          kind: 'missing',
          subject: name,
          message: `The release lacks "${name}", which its SHA256SUMS lists`,
        },
      ]);
    },
  );

  it('does not reproduce one that its publisher left something out of', async () => {
    const less = await republish('less', (folder) => rm(join(folder, 'eventlog'), { recursive: true }));
    const { exitCode, statement } = await audit(less, '--once');
    expect(exitCode).toBe(3);
    expect(statement?.predicate.findings).toEqual([
      expect.objectContaining({ kind: 'missing', subject: 'eventlog/lab.bin' }),
    ]);
  });

  it('says nothing about a release that was tampered with', async () => {
    const copy = at('tampered');
    await cp(release, copy, { recursive: true });
    await writeFile(join(copy, 'altee.yaml'), 'evil');
    const { exitCode, stderr, statement } = await audit(copy);
    expect({ exitCode, statement }).toEqual({ exitCode: 1, statement: undefined });
    expect(stderr).toContain('is not what its publisher signed');
    const other = await altee('audit', release, '--key', 'alice.pem', '--publisher-key', 'bob.pub');
    expect(other).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('does not hold') });
  });

  it('refuses manifests and sources that are hostile, as not reproduced', async () => {
    const broken = await republish('broken', (folder) => writeFile(join(folder, 'altee.yaml'), 'x: ['));
    expect(await audit(broken)).toMatchObject({ exitCode: 3 });
    const archive = await republish('archive', (folder) => writeFile(join(folder, 'source.tar'), 'no tar'));
    const { exitCode, statement } = await audit(archive);
    expect(exitCode).toBe(3);
    expect(statement?.predicate.findings).toMatchObject([{ kind: 'failed' }]);
  });

  it('takes a release from a URL, without a publisher’s key as a limit', async () => {
    const server = createServer(async (request, response) => {
      const path = decodeURIComponent(request.url ?? '').replace(/^\//, '');
      const bytes = await readFile(join(release, path)).catch(() => undefined);
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { exitCode, stderr } = await altee(
      ...['audit', url, '--key', 'alice.pem', '--once', '--reuse', 'kernel', '--out', 'url.json'],
    );
    server.close();
    expect(exitCode).toBe(0);
    expect(stderr).toContain('the release vouches for itself');
    const payload = Buffer.from(parseEnvelope(await readFile(at('url.json'), 'utf8')).payload, 'base64');
    expect(parseAuditStatement(payload).predicate.limits).toContain(
      "the publisher's key was taken from the release itself: who signed it is not established",
    );
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('leaves nothing half written after %s', async (signal) => {
    await mkdir(at('killed'), { recursive: true });
    const { child, ended } = startAltee(
      [
        'audit',
        release,
        '--key',
        'alice.pem',
        '--publisher-key',
        'publisher.pub',
        '--out',
        'killed/audit.json',
      ],
      { cwd: base, env: { TMPDIR: at('killed') } },
    );
    // The rebuild of a kernel, which takes minutes.
    const folder = at(`killed/altee-audit-${process.getuid?.() ?? 0}`);
    const isBuilding = async () => {
      const names = await readdir(folder, { recursive: true }).catch(() => []);
      return names.some((name) => name.endsWith('/a/request.json'));
    };
    for (let waited = 0; !(await isBuilding()); waited += 500) {
      if (waited > 300_000) return expect.fail('nothing is built');
      await delay(500);
    }
    child.kill(signal);
    const { exitCode } = await ended;
    expect(exitCode).not.toBe(0);
    expect((await readdir(at('killed'))).filter((name) => name.includes('audit.json'))).toEqual([]);
  });
});
