import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { altee } from './run-altee.ts';

const example = new URL('../../../examples/hello/reference-values.json', import.meta.url).pathname;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-policy-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe('altee policy', () => {
  const out = () => join(base, 'policy');

  it('writes the folder and says what each file pins, and what could not be written', async () => {
    const { exitCode, stdout, stderr } = await altee('policy', example, '--out', out());
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/tpm2-policy\.json {2}pins .*PCR4/);
    expect(stdout).toMatch(/not written {2}cvm-reverse-proxy for lab: /);
    expect(await readdir(out())).toContain('README.txt');
  });

  it('warns of chosen PCRs that do not say which program was started', async () => {
    const args = ['policy', example, '--out', out(), '--pcrs', '11'];
    expect((await altee(...args)).stdout).toMatch(/! hello .* on lab: PCR4 is not pinned/);
    const { warnings } = JSON.parse((await altee(...args, '--json')).stdout) as { warnings: string[] };
    expect(warnings).toHaveLength(1);
    expect((await altee('policy', example, '--out', out())).stdout).not.toContain('is not pinned');
  });

  it('takes chosen PCRs, banks and dialects, each option as often as wanted', async () => {
    const { exitCode, stdout } = await altee(
      ...['policy', example, '--out', out(), '--pcrs', '4,11', '--bank', 'sha256', '--json'],
      ...['--dialect', 'tpm2-policy', '--dialect', 'keylime-tpm-policy'],
    );
    expect(exitCode).toBe(0);
    const { files } = JSON.parse(stdout) as {
      files: { path: string; covers: { register: string; banks: string[] }[] }[];
    };
    expect(files.map(({ path }) => path)).toEqual([
      'README.txt',
      'keylime/lab.tpm-policy.json',
      'tpm2-policy.json',
    ]);
    expect(files[2]?.covers).toMatchObject([
      { register: 'PCR4', banks: ['sha256'] },
      { register: 'PCR11', banks: ['sha256'] },
    ]);
  });

  it('shows no control characters of a folder’s name as they are', async () => {
    const { exitCode, stdout } = await altee('policy', example, '--out', join(base, 'a\u001b[31mb'));
    expect(exitCode).toBe(0);
    expect(stdout).toContain('a\\x1b[31mb');
    expect(stdout.includes('\u001b[31m')).toBe(false);
  });

  it.each([
    ['nothing', 'there is no such file'],
    ['', 'is a folder without a measurements.json'],
  ])('says in words why measurements "%s" cannot be read', async (name, message) => {
    const { exitCode, stderr } = await altee('policy', join(base, name), '--out', out());
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/ENOENT|EISDIR/);
  });

  it.each([
    [['--pcrs', '24'], 'Must be PCR numbers from 0 to 23'],
    [['--pcrs', '4,x'], 'Must be PCR numbers from 0 to 23'],
    [['--dialect', 'klingon'], 'Allowed choices are altee, cvm-reverse-proxy'],
    [['--bank', 'md5'], 'Allowed choices are sha1, sha256'],
    [['--phases', 'enter-initrd'], 'there is no --sign-key'],
    [['--platform', 'moon'], 'There is no platform "moon"'],
  ])('refuses %j with exit code 2', async (options, message) => {
    const { exitCode, stderr } = await altee('policy', example, '--out', out(), ...options);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(await readdir(base)).toEqual([]);
  });
});
