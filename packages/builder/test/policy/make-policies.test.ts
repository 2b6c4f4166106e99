import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMeasurements } from '@altee/measure';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { makePolicies } from '../../src/policy/make-policies.ts';
import { signPcrPolicies } from '../../src/policy/sign-pcr-policy.ts';

/** Checked-in reference values of an example, which are measurements. */
const example = new URL('../../../../examples/hello/reference-values.json', import.meta.url).pathname;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-policy-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const pem = (type: 'rsa' | 'ec', bits = 2048): string => {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};

/** Making one takes a second. */
const rsaKey = pem('rsa');

describe('makePolicies()', () => {
  const outDir = () => join(base, 'policy');

  it('writes every dialect that has words for the platform, and what the files hold comes back', async () => {
    const { files } = await makePolicies({ measurementsFiles: [example], outDir: outDir() });
    for (const { path, bytes } of files) {
      expect(new Uint8Array(await readFile(join(outDir(), path)))).toEqual(bytes);
    }
    expect(await readdir(outDir())).toContain('tpm2-policy.json');
    expect(await readdir(base)).toEqual(['policy']);
  });

  it('replaces a former folder as a whole, so that no policy of an older image stays', async () => {
    await makePolicies({ measurementsFiles: [example], outDir: outDir() });
    await makePolicies({ measurementsFiles: [example], outDir: outDir(), dialects: ['corim'] });
    expect((await readdir(outDir())).sort()).toEqual(['README.txt', 'corim.cbor']);
  });

  it('refuses a folder with somebody’s work in it, and leaves it as it is', async () => {
    await mkdir(outDir());
    await writeFile(join(outDir(), 'README.txt'), 'my own');
    const making = makePolicies({ measurementsFiles: [example], outDir: outDir() });
    await expect(making).rejects.toThrow(BuilderError);
    expect(await readFile(join(outDir(), 'README.txt'), 'utf8')).toBe('my own');
  });

  it('refuses a file in the folder’s place, and leaves it as it is', async () => {
    await writeFile(outDir(), 'my own');
    await expect(makePolicies({ measurementsFiles: [example], outDir: outDir() })).rejects.toThrow(
      `Cannot write "${outDir()}": it is no folder, or a part of its path is none`,
    );
    expect(await readFile(outDir(), 'utf8')).toBe('my own');
  });

  it('writes where a link leads, and leaves the link', async () => {
    await mkdir(join(base, 'elsewhere'));
    await symlink(join(base, 'elsewhere'), outDir());
    await makePolicies({ measurementsFiles: [example], outDir: outDir(), dialects: ['corim'] });
    expect(await readlink(outDir())).toBe(join(base, 'elsewhere'));
    expect((await readdir(join(base, 'elsewhere'))).sort()).toEqual(['README.txt', 'corim.cbor']);
  });

  it.each(['/proc/altee', '/proc/altee/a/b', '/sys/altee/a'])(
    'says that it cannot write to %s, and does not try for ever',
    async (place) => {
      await expect(makePolicies({ measurementsFiles: [example], outDir: place })).rejects.toThrow(
        `Cannot write "${place}": `,
      );
    },
  );

  it('takes a results folder for the measurements in it, and writes nothing into one', async () => {
    await writeFile(join(base, 'measurements.json'), await readFile(example));
    await makePolicies({ measurementsFiles: [base], outDir: outDir() });
    expect(await readdir(outDir())).toContain('altee.json');
    await writeFile(join(base, 'SHA256SUMS'), '');
    const making = makePolicies({ measurementsFiles: [base], outDir: outDir() });
    await expect(making).rejects.toThrow('would stand in a release');
  });

  it('signs PCR 11 with the key that is given, for all phases and banks but SHA-1', async () => {
    const keyFile = join(base, 'key.pem');
    await writeFile(keyFile, rsaKey);
    const sign = { keyFile, phases: ['', 'enter-initrd'] };
    await makePolicies({ measurementsFiles: [example, await otherVersion()], outDir: outDir(), sign });
    const publicKey = await readFile(join(outDir(), 'systemd/tpm2-pcr-public-key.pem'), 'utf8');
    const signatures = JSON.parse(await readFile(join(outDir(), 'systemd/tpm2-pcr-signature.json'), 'utf8'));
    expect(Object.keys(signatures)).toEqual(['sha256', 'sha384', 'sha512']);
    // The other version is the same image: its policies are the same, and stand once.
    expect(signatures.sha256).toHaveLength(2);
    for (const { pcrs, pkfp, pol, sig } of Object.values(signatures).flat() as Record<string, string>[]) {
      expect(pcrs).toEqual([11]);
      const der = createPublicKey(publicKey).export({ type: 'pkcs1', format: 'der' });
      expect(pkfp).toBe(createHash('sha256').update(der).digest('hex'));
      const signed = verify(
        'sha256',
        Buffer.from(pol ?? '', 'hex'),
        publicKey,
        Buffer.from(sig ?? '', 'base64'),
      );
      expect(signed).toBe(true);
    }
    expect(await readFile(join(outDir(), 'README.txt'), 'utf8')).toContain(
      'systemd/tpm2-pcr-signature.json\n',
    );
  });

  it('gives the same bytes twice, the signature too', async () => {
    const keyFile = join(base, 'key.pem');
    await writeFile(keyFile, rsaKey);
    const request = { measurementsFiles: [example], sign: { keyFile, phases: [''] } };
    const one = await makePolicies({ ...request, outDir: join(base, 'one') });
    const two = await makePolicies({ ...request, outDir: join(base, 'two') });
    expect(one.files).toEqual(two.files);
  });

  it.each([
    ['a file that is not there', 'nowhere.json', {}, 'Cannot read'],
    ['a file that holds something else', 'other.json', {}, 'is no measurements.json of altee’s'],
    ['a PCR that is not predicted', undefined, { pcrs: [16] }, 'PCR 16 of "lab" cannot be pinned'],
    ['a platform that is not there', undefined, { platforms: ['moon'] }, 'There is no platform "moon"'],
    ['a key that is not there', undefined, { sign: { keyFile: '/nowhere', phases: [''] } }, 'Cannot read'],
    [
      'a phase with a space',
      undefined,
      { sign: { keyFile: 'KEY', phases: ['a b'] } },
      'No word of a boot phase',
    ],
  ])('says invalid-input for %s', async (_, file, request, message) => {
    await writeFile(join(base, 'other.json'), '{}');
    await writeFile(join(base, 'KEY'), rsaKey);
    const { sign, ...rest } = request as { sign?: { keyFile: string; phases: string[] } };
    const making = makePolicies({
      measurementsFiles: [file === undefined ? example : join(base, file)],
      outDir: outDir(),
      ...rest,
      ...(sign && { sign: { ...sign, keyFile: sign.keyFile === 'KEY' ? join(base, 'KEY') : sign.keyFile } }),
    });
    await expect(making).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(making).rejects.toThrow(message.replace('’', "'"));
    expect(await readdir(base)).not.toContain('policy');
  });

  /** The example's measurements under another version. */
  async function otherVersion(): Promise<string> {
    const text = await readFile(example, 'utf8');
    const { version } = parseMeasurements(text).image;
    const path = join(base, 'other.json');
    await writeFile(path, text.replace(`"version": "${version}"`, '"version": "99.0.0"'));
    return path;
  }
});

describe('signPcrPolicies()', () => {
  it.each([
    ['text that is no key', 'hello'],
    ['an elliptic-curve key', pem('ec')],
    ['a key of 1024 bits', pem('rsa', 1024)],
  ])('refuses %s', (_, key) => {
    expect(() => signPcrPolicies([], key)).toThrow(BuilderError);
  });
});
