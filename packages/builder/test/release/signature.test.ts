import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePublicKey, keyId, parsePublicKey, readPublicKey } from '../../src/release/public-key.ts';
import { SSH_NAMESPACE, signatureProblem, signSums } from '../../src/release/signature.ts';
import { makeKey, readSigningKey, type SigningKey } from '../../src/release/signing-key.ts';

/** Signatures that the tools of others made are verified here, and ours by them, wherever the tool is. */
const SUMS = Buffer.from(`${'0'.repeat(64)}  hello.efi\n`);
const has = (tool: string, ...args: string[]) => spawnSync(tool, args).error === undefined;
const tools = {
  openssl: has('openssl', 'version'),
  ssh: has('ssh-keygen', '-V'),
  minisign: has('minisign', '-v'),
};
for (const [tool, present] of Object.entries(tools))
  if (!present) console.warn(`${tool} is not here: its signatures are not compared`);

let dir: string;
const path = (name: string) => join(dir, name);
const run = (tool: string, args: string[], input = '') =>
  execFileSync(tool, args, { input, stdio: ['pipe', 'pipe', 'pipe'] });
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'altee-signature-'));
  writeFileSync(path('SHA256SUMS'), SUMS);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const sign = (key: SigningKey) => signSums(SUMS, key, 'altee release hello');

/** What holds for keys of every format. */
function behaves(key: SigningKey): void {
  const { publicKey } = key;
  const signature = sign(key);
  expect(sign(key)).toEqual(signature);
  expect(signatureProblem(SUMS, signature, publicKey)).toBeUndefined();
  const read = parsePublicKey(encodePublicKey(publicKey), 'key');
  expect(signatureProblem(SUMS, signature, read)).toBeUndefined();
  expect(keyId(read)).toBe(keyId(publicKey));
  for (let at = 0; at < signature.length; at++) {
    const changed = Uint8Array.from(signature);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    const isComment = publicKey.format === 'minisign' && at < signature.indexOf(0x0a);
    if (!isComment) expect(signatureProblem(SUMS, changed, read), `byte ${at}`).toBeDefined();
  }
  expect(signatureProblem(Buffer.from('other'), signature, read)).toBeDefined();
  for (let length = 0; length < signature.length - 1; length++)
    expect(signatureProblem(SUMS, signature.subarray(0, length), read)).toBeDefined();
}

describe('makeKey()', () => {
  it('makes a key that this user alone can read, and overwrites none', async () => {
    const made = await makeKey(path('new.pem'));
    expect(statSync(path('new.pem')).mode & 0o777).toBe(0o600);
    const key = await readSigningKey(path('new.pem'));
    expect(key.warning).toBeUndefined();
    expect(keyId(key.publicKey)).toBe(keyId(made));
    behaves(key);
    await expect(makeKey(path('new.pem'))).rejects.toMatchObject({ code: 'invalid-input' });
    chmodSync(path('new.pem'), 0o644);
    expect((await readSigningKey(path('new.pem'))).warning).toContain('Others on this machine can read');
  });
});

describe.skipIf(!tools.openssl)('signSums() with a PEM key', () => {
  it('makes what openssl verifies, and verifies what openssl makes', async () => {
    run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path('key.pem')]);
    run('openssl', ['pkey', '-in', path('key.pem'), '-pubout', '-out', path('key.pub.pem')]);
    const key = await readSigningKey(path('key.pem'));
    writeFileSync(path('sig'), sign(key));
    run('openssl', [
      ...['pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', path('key.pub.pem')],
      ...['-in', path('SHA256SUMS'), '-sigfile', path('sig')],
    ]);
    const theirs = run('openssl', [
      ...['pkeyutl', '-sign', '-rawin', '-inkey', path('key.pem'), '-in', path('SHA256SUMS')],
    ]);
    expect(signatureProblem(SUMS, theirs, await readPublicKey(path('key.pub.pem')))).toBeUndefined();
  });

  it('refuses keys of other kinds and encrypted ones', async () => {
    run('openssl', [
      'genpkey',
      '-algorithm',
      'rsa',
      '-pkeyopt',
      'rsa_keygen_bits:1024',
      '-out',
      path('rsa.pem'),
    ]);
    await expect(readSigningKey(path('rsa.pem'))).rejects.toThrow('it is a key for rsa, not Ed25519');
    run('openssl', [
      ...['genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:x', '-out', path('enc.pem')],
    ]);
    await expect(readSigningKey(path('enc.pem'))).rejects.toThrow('it has a passphrase');
    await expect(readPublicKey(path('enc.pem'))).rejects.toMatchObject({
      hint: 'It is a private key: give the public one',
    });
  });
});

describe.skipIf(!tools.ssh)('signSums() with an OpenSSH key', () => {
  it('makes what ssh-keygen verifies, and verifies what ssh-keygen makes', async () => {
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a comment', '-f', path('ssh')]);
    const key = await readSigningKey(path('ssh'));
    behaves(key);
    writeFileSync(path('sshsig'), sign(key));
    writeFileSync(path('allowed'), `publisher ${readFileSync(path('ssh.pub'), 'utf8')}`);
    const verify = [
      ...['-Y', 'verify', '-f', path('allowed'), '-I', 'publisher'],
      ...['-n', SSH_NAMESPACE, '-s', path('sshsig')],
    ];
    run('ssh-keygen', verify, SUMS.toString());
    expect(() => run('ssh-keygen', verify, 'other')).toThrow();
    run('ssh-keygen', ['-q', '-Y', 'sign', '-f', path('ssh'), '-n', SSH_NAMESPACE, path('SHA256SUMS')]);
    const theirs = readFileSync(path('SHA256SUMS.sig'));
    expect(signatureProblem(SUMS, theirs, await readPublicKey(path('ssh.pub')))).toBeUndefined();
    rmSync(path('SHA256SUMS.sig'));
    run('ssh-keygen', ['-q', '-Y', 'sign', '-f', path('ssh'), '-n', 'git', path('SHA256SUMS')]);
    const forGit = readFileSync(path('SHA256SUMS.sig'));
    expect(signatureProblem(SUMS, forGit, key.publicKey)).toBe('it is for "git", not for "altee-release"');
  });

  it('refuses keys with a passphrase', async () => {
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', path('locked')]);
    await expect(readSigningKey(path('locked'))).rejects.toThrow('it has a passphrase');
  });
});

describe.skipIf(!tools.minisign)('signSums() with a minisign key', () => {
  it('makes what minisign verifies, and verifies what minisign makes', async () => {
    run('minisign', ['-G', '-W', '-p', path('mini.pub'), '-s', path('mini.key')]);
    const key = await readSigningKey(path('mini.key'));
    behaves(key);
    writeFileSync(path('minisig'), sign(key));
    run('minisign', ['-V', '-p', path('mini.pub'), '-m', path('SHA256SUMS'), '-x', path('minisig')]);
    writeFileSync(path('own.pub'), encodePublicKey(key.publicKey));
    run('minisign', ['-V', '-p', path('own.pub'), '-m', path('SHA256SUMS'), '-x', path('minisig')]);
    for (const form of [[], ['-l']]) {
      run('minisign', [
        '-S',
        ...form,
        '-s',
        path('mini.key'),
        '-m',
        path('SHA256SUMS'),
        '-x',
        path('theirs'),
      ]);
      const theirs = readFileSync(path('theirs'));
      expect(signatureProblem(SUMS, theirs, await readPublicKey(path('mini.pub')))).toBeUndefined();
    }
    const forged = Buffer.from(sign(key)).toString().replace('altee release hello', 'altee release other');
    expect(signatureProblem(SUMS, Buffer.from(forged), key.publicKey)).toBeDefined();
  });
});

describe('signatureProblem()', () => {
  it('names another key', async () => {
    const [one, other] = [await makeKey(path('one.pem')), await makeKey(path('other.pem'))];
    const signature = sign(await readSigningKey(path('one.pem')));
    expect(signatureProblem(SUMS, signature, one)).toBeUndefined();
    expect(signatureProblem(SUMS, signature, other)).toBe('it is by another key, or over other sums');
  });
});
