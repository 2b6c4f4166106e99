import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '@altee/manifest';
import { type JsonPrediction, parseVariableStore, readSecureBootVariables } from '@altee/measure';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockRequest, requestDigest } from '../packages/builder/src/lock/request.ts';
import { makeVariableStore } from '../packages/builder/src/secure-boot/variable-store.ts';
import { judge } from '../packages/builder/test/image/judge.ts';
import { testPlatformRoot } from '../packages/builder/test/support/root.ts';
import { startAltee } from './support/altee.ts';
import { type TestProject, testProject } from './support/project.ts';

/** Test keys of the boot matrix: nobody trusts them. */
const KEYS = fileURLToPath(new URL('./matrix/keys/', import.meta.url));
/** Debian OVMF 2025.02, which the example's lock pins: the build that enforces Secure Boot. */
const CODE = {
  package: 'ovmf',
  path: 'usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
  sha256: 'sha256:1a46295574430cfb7f825ee3e4dc64b052acbef08e310377ed7c64cb757a9dc1',
};
const secureBoot = { pk: 'keys/PK.pem', kek: ['keys/KEK.pem'], db: ['keys/KEK.pem', 'keys/db.pem'] };

const sbsign = judge('sbsign');
const sbverify = judge('sbverify');
const root = testPlatformRoot();

interface Measurements {
  readonly image: { readonly sha256: string };
  readonly platforms: Readonly<Record<string, JsonPrediction>>;
}

describe.skipIf(!sbsign || !root)('a platform with Secure Boot', () => {
  let project: TestProject;
  const altee = (...args: readonly string[]) => startAltee([...args, '--frozen']).ended;
  const measurements = async (): Promise<Measurements> =>
    JSON.parse(await readFile(join(project.dist, 'measurements.json'), 'utf8'));
  /** The image in the results, signed. */
  const sign = async (name: string): Promise<string> => {
    const signed = join(project.folder, `${name}.efi`);
    const built = join(project.dist, 'faulty.efi');
    const key = (end: string) => join(project.folder, `keys/${name}.${end}`);
    const answer = await sbsign?.run(['--key', key('key'), '--cert', key('pem'), '--output', signed, built]);
    expect(answer).toMatchObject({ code: 0 });
    return signed;
  };

  beforeAll(async () => {
    let text = '';
    project = await testProject({
      manifest: (plain) => {
        text = plain.replace('memory: 512MiB', `memory: 512MiB, secureBoot: ${JSON.stringify(secureBoot)}`);
        return text;
      },
      lock: (lock) => {
        const lab = lock.platforms['lab'] ?? expect.fail('the lock has no platform "lab"');
        lab.firmware.code = CODE;
        lock.request = requestDigest(lockRequest(parseManifest(text, 'altee.yaml')));
        return lock;
      },
    });
    await cp(KEYS, join(project.folder, 'keys'), { recursive: true });
  });
  afterAll(() => project[Symbol.asyncDispose]());

  it('builds an image that its own firmware refuses, and says so', async () => {
    const { exitCode, stderr } = await altee('build', project.manifest);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    const { registers } = (await measurements()).platforms['lab'] ?? expect.fail('no platform "lab"');
    for (const index of [4, 5, 7, 9, 11])
      expect(registers[`PCR${index}`]).toMatchObject({
        status: 'unpredictable',
        reason:
          'The firmware refuses to start the image with these keys, because it is not signed, and db does not hold its digest',
        values: {},
      });
  });

  it('asks for a signed image before it boots', async () => {
    const { exitCode, stderr } = await altee('run', project.manifest);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Platform "lab" enforces Secure Boot');
    expect(stderr).toContain('--signed');
  });

  it('boots what sbsign signed, and measures what was predicted', async () => {
    const signed = await sign('db');
    expect(await sbverify?.run(['--cert', join(project.folder, 'keys/db.pem'), signed])).toMatchObject({
      code: 0,
    });
    const { exitCode, stdout, stderr } = await altee('run', project.manifest, '--signed', signed, '--json');
    expect(stderr).toBe('');
    const result = JSON.parse(stdout) as { registers: { register: string; status: string }[] };
    const equal = result.registers.filter(({ status }) => status === 'equal').map(({ register }) => register);
    expect(equal).toEqual(expect.arrayContaining(['PCR4', 'PCR5', 'PCR7', 'PCR9', 'PCR11']));
    expect(result.registers.filter(({ status }) => status === 'different')).toEqual([]);
    expect(exitCode).toBe(0);
    const { registers } = (await measurements()).platforms['lab'] ?? expect.fail('no platform "lab"');
    expect(registers['PCR7']?.events.map(({ description }) => description)).toEqual([
      'variable SecureBoot, 1 bytes',
      expect.stringMatching(/^variable PK, \d+ bytes$/),
      expect.stringMatching(/^variable KEK, \d+ bytes$/),
      expect.stringMatching(/^variable db, \d+ bytes$/),
      'variable dbx, empty',
      'separator: firmware is done with its own part of the register',
      'entry of db that vouches for the image: certificate "altee test db"',
    ]);
    expect(await readFile(join(project.dist, 'faulty.efi'))).toEqual(await readFile(signed));
  });

  it('does not boot what another key signed', async () => {
    await altee('build', project.manifest);
    const { exitCode, stderr } = await altee('run', project.manifest, '--signed', await sign('db2'));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('none of its signatures leads to a certificate in db');
  });

  it('does not take another image for the built one', async () => {
    const signed = await sign('db');
    const bytes = await readFile(signed);
    bytes[0x1000] = (bytes[0x1000] ?? 0) ^ 1;
    await writeFile(signed, bytes);
    const { exitCode, stderr } = await altee('run', project.manifest, '--signed', signed);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('is another image than the one built from this manifest');
  });
});

describe.skipIf(!root)('makeVariableStore()', () => {
  it('writes the keys into the firmware’s own empty store', async () => {
    const empty = await readFile(join(root?.path ?? '', 'usr/share/OVMF/OVMF_VARS_4M.fd'));
    const folder = fileURLToPath(new URL('./matrix', import.meta.url));
    const store = await makeVariableStore(folder, secureBoot, empty);
    expect(store.length).toBe(empty.length);
    expect(parseVariableStore(store).records.map(({ name }) => name)).toEqual(['KEK', 'PK', 'db']);
    expect(readSecureBootVariables(store).dbx).toHaveLength(0);
  });
});
