import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predictedEventLog, predictTpm } from '@altee/measure';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ascii } from '../../measure/src/bytes/text.ts';
import { makeKernel, makeUki } from '../../measure/test/make-pe.ts';
import { altee } from './run-altee.ts';

const uki = makeUki('257', {
  '.osrel': ascii('ID=x'),
  '.cmdline': ascii('quiet'),
  '.initrd': ascii('i'),
  '.linux': makeKernel(),
});
const log = predictedEventLog(predictTpm({ uki, machine: { secureBoot: 'off' }, kernel: { ima: false } }));

describe('altee measure', () => {
  const cache = process.env['ALTEE_CACHE'];
  let folder = '';
  const file = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'altee-measure-'));
    process.env['ALTEE_CACHE'] = file('cache');
    // As a name of an image it begins with a digit.
    await writeFile(file('9.efi'), uki);
    await writeFile(file('log.bin'), log);
    await writeFile(file('junk.bin'), 'junk');
    const reference = (name: string, bytes: Uint8Array | string) =>
      `{ kind: reference-log, log: { path: ${name}, sha256: "sha256:${createHash('sha256').update(bytes).digest('hex')}" } }`;
    const platforms = {
      good: reference('log.bin', log),
      absent: reference('absent.bin', ''),
      junk: reference('junk.bin', 'junk'),
      other: reference('log.bin', 'junk'),
      qemu: '{ kind: qemu-tpm, firmware: debian }',
    };
    const write = (name: string, names: readonly (keyof typeof platforms)[]) =>
      writeFile(
        file(name),
        `apiVersion: altee/v1\nplatforms:\n${names.map((each) => `  ${each}: ${platforms[each]}\n`).join('')}`,
      );
    await write('all.yaml', ['absent', 'good', 'junk', 'other']);
    await write('good.yaml', ['good']);
    await write('qemu.yaml', ['qemu']);
  });
  afterAll(async () => {
    if (cache === undefined) delete process.env['ALTEE_CACHE'];
    else process.env['ALTEE_CACHE'] = cache;
    await rm(folder, { recursive: true, force: true });
  });

  it('measures the other platforms where one cannot be, says why, and tells by its exit code', async () => {
    const { exitCode, stdout } = await altee('measure', file('9.efi'), '--platform-file', file('all.yaml'));
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/good \(reference-log\), values in SHA256\n[\s\S]*PCR11 +predicted/);
    expect(stdout).toMatch(
      /absent \(reference-log\): It cannot be predicted: Cannot read the event log "absent\.bin": there is no such file\n {2}→ Paths/,
    );
    expect(stdout).toMatch(/junk \(reference-log\): It cannot be predicted: .* no event log/);
    expect(stdout).toMatch(
      /other \(reference-log\): It cannot be predicted: .*not the one.*\n {2}\| manifest: /,
    );
    expect(stdout).not.toContain('ENOENT');
  });

  it('gives the error alone where only one platform was asked for', async () => {
    const args = ['measure', file('9.efi'), '--platform-file', file('all.yaml'), '--platform'];
    const absent = await altee(...args, 'absent');
    expect(absent).toMatchObject({ exitCode: 2, stdout: '' });
    expect(absent.stderr).toContain('there is no such file');
    expect((await altee(...args, 'other')).exitCode).toBe(1);
    expect((await altee(...args, 'good')).exitCode).toBe(0);
  });

  it('gives JSON that policy and explain take for measurements', async () => {
    const { stdout } = await altee(
      ...['measure', file('9.efi'), '--platform-file', file('all.yaml'), '--json'],
    );
    expect(JSON.parse(stdout)).toMatchObject({
      image: { name: 'image' },
      platforms: {
        absent: { kind: 'reference-log', error: { code: 'invalid-input', hint: expect.any(String) } },
        good: { registers: { PCR11: { status: 'predicted' } } },
      },
    });
    await writeFile(file('measured.json'), stdout);
    const policy = await altee('policy', file('measured.json'), '--out', file('policy'), '--pcrs', '11');
    expect(policy.exitCode).toBe(0);
    expect(policy.stderr).toBe('');
    const against = ['--against', file('measured.json')];
    const explained = await altee('explain', file('log.bin'), ...against);
    expect(explained.stdout).toMatch(/Compared with the prediction for good[\s\S]*✓ PCR11 +equal/);
    const absent = await altee('explain', file('log.bin'), ...against, '--platform', 'absent');
    expect(absent.exitCode).toBe(2);
    expect(absent.stderr).toContain('It cannot be predicted: Cannot read the event log');
  });

  it('says that "firmware: debian" is the lock’s, where no lock stands beside the platform file', async () => {
    const args = ['measure', file('9.efi'), '--platform-file'];
    const { exitCode, stderr } = await altee(...args, file('qemu.yaml'));
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/"firmware: debian" of platform "qemu" .*qemu\.lock" is not there/);
    expect((await altee(...args, file('good.yaml'))).stderr).toBe('');
  });

  it('refuses an image and a disk that are too large to be read, without reading them', async () => {
    for (const [name, head] of [
      ['large.efi', 'MZ'],
      ['large.disk', `${'\0'.repeat(512)}EFI PART`],
    ] as const) {
      await writeFile(file(name), head);
      await truncate(file(name), 3 * 2 ** 30);
      const { exitCode, stderr } = await altee('measure', file(name));
      expect(exitCode).toBe(2);
      expect(stderr).toContain('is too large: 3221225472 bytes, at most 2147483647');
    }
  });

  it.each([
    ['an image that is not there', ['nothing.efi'], 'there is no such file'],
    ['a folder', ['.'], 'it is a folder'],
    ['a device', ['/dev/zero'], 'it is no regular file'],
    [
      'a platform file that is not there',
      ['9.efi', '--platform-file', 'nothing.yaml'],
      'there is no such file',
    ],
    ['a folder of platforms', ['9.efi', '--platform-file', '.'], 'it is a folder'],
    ['an image for platforms', ['9.efi', '--platform-file', '9.efi'], 'The file is not UTF-8'],
  ])('says in words what is wrong with %s', async (_, args, message) => {
    const paths = args.map((arg) => (arg.startsWith('-') || arg.startsWith('/') ? arg : file(arg)));
    const { exitCode, stdout, stderr } = await altee('measure', ...paths);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/ENOENT|EISDIR/);
    for (const line of stderr.split('\n')) expect(line.length).toBeLessThan(1000);
  });
});
