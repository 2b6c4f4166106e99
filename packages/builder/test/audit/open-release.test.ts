import { appendFile, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS, openRelease, type VerifiedRelease } from '../../src/audit/open-release.ts';
import type { PublicKey } from '../../src/release/public-key.ts';
import { type SIGNATURE_FILES, signSums } from '../../src/release/signature.ts';
import { tempFolder } from '../temp.ts';
import { FILES, testKey, writeRelease } from './support.ts';

/** A release is taken as its publisher signed it, or not at all. */
const publisher = testKey();
let temporary: Awaited<ReturnType<typeof tempFolder>>;
let release: string;
beforeEach(async () => {
  temporary = await tempFolder();
  release = join(temporary.path, 'release');
  await mkdir(release);
  await writeRelease(release, publisher);
});
afterEach(() => temporary[Symbol.asyncDispose]());

let opened = 0;
async function open(
  location = release,
  key: PublicKey | undefined = publisher.publicKey,
): Promise<VerifiedRelease> {
  const folder = join(temporary.path, `opened-${opened++}`);
  await mkdir(folder);
  return openRelease(location, folder, key);
}

const at = (name: string) => join(release, name);
const names = [...Object.keys(FILES), 'publisher.pub'];

describe('openRelease() of a folder', () => {
  it('copies every file that the sums list', async () => {
    const { folder, sums, missing, publisherGiven } = await open();
    expect([...sums.keys()].sort()).toEqual(names.toSorted());
    expect(await readFile(join(folder, 'policy/altee.json'), 'utf8')).toBe('{}\n');
    expect({ missing, publisherGiven }).toEqual({ missing: [], publisherGiven: true });
  });

  it('says that the key was the release’s own', async () => {
    const folder = join(temporary.path, 'own');
    await mkdir(folder);
    expect((await openRelease(release, folder, undefined)).publisherGiven).toBe(false);
  });

  it.each(names)('refuses a changed "%s"', async (name) => {
    await appendFile(at(name), 'x');
    await expect(open()).rejects.toMatchObject({
      code: 'release-tampered',
      details: [expect.stringMatching(`^"${name}" is sha256:[0-9a-f]{64}, signed is sha256:`)],
    });
  });

  it.each(names)('tells that "%s" is missing', async (name) => {
    await rm(at(name));
    expect((await open()).missing).toEqual([name]);
  });

  it.each(['evil.sh', 'policy/more.json', '.hidden'])('refuses an added "%s"', async (name) => {
    await writeFile(at(name), '');
    await expect(open()).rejects.toMatchObject({
      code: 'release-tampered',
      details: [`"${name}" is not listed in SHA256SUMS`],
    });
  });

  it('refuses changed sums, a changed signature and one of another key', async () => {
    const [sums, signature] = [await readFile(at('SHA256SUMS')), await readFile(at('SHA256SUMS.sig'))];
    await writeFile(at('SHA256SUMS'), `${sums}${'0'.repeat(64)}  more\n`);
    await expect(open()).rejects.toMatchObject({ code: 'signature-invalid' });
    await writeFile(at('SHA256SUMS'), sums);
    for (const bytes of [signature.subarray(1), Buffer.alloc(64), Buffer.alloc(0)]) {
      await writeFile(at('SHA256SUMS.sig'), bytes);
      await expect(open()).rejects.toMatchObject({ code: 'signature-invalid' });
    }
    await writeFile(at('SHA256SUMS.sig'), signSums(sums, testKey(), ''));
    await expect(open()).rejects.toThrow('it is by another key, or over other sums');
  });

  it('refuses a release that somebody else signed anew', async () => {
    await rm(release, { recursive: true });
    await writeRelease(release, testKey());
    await expect(open()).rejects.toMatchObject({ code: 'signature-invalid' });
  });

  it('refuses one without signature, and a second signature', async () => {
    await writeFile(at('SHA256SUMS.minisig'), '');
    await expect(open()).rejects.toMatchObject({
      details: [expect.stringMatching('^more than one signature')],
    });
    await rm(at('SHA256SUMS.sig'));
    await expect(open()).rejects.toThrow('has no signature "SHA256SUMS.sig"');
  });

  it('refuses hostile names that the publisher signed', async () => {
    for (const name of ['../x', '/x', 'a//b', './x', 'a/../b', 'SHA256SUMS', 'SHA256SUMS.sig', 'a\\b']) {
      const sums = Buffer.from(`${'0'.repeat(64)}  ${name}\n`);
      await writeFile(at('SHA256SUMS'), sums);
      await writeFile(
        at('SHA256SUMS.sig' satisfies (typeof SIGNATURE_FILES)['pem']),
        signSums(sums, publisher, ''),
      );
      await expect(open(), name).rejects.toThrow();
    }
  });

  it('follows no links', async () => {
    await rename(at('altee.yaml'), join(temporary.path, 'elsewhere'));
    await symlink('../elsewhere', at('altee.yaml'));
    await expect(open()).rejects.toMatchObject({ details: ['"altee.yaml" is no regular file'] });
  });

  it('bounds what it reads', async () => {
    await truncate(at('SHA256SUMS'), LIMITS.sumsBytes + 1);
    await expect(open()).rejects.toMatchObject({ code: 'release-tampered' });
  });

  it('names what is no release', async () => {
    await expect(open(join(temporary.path, 'nowhere'))).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(open('ftp://example.org/x')).rejects.toMatchObject({ code: 'invalid-input' });
  });
});

describe('openRelease() of a URL', () => {
  let server: Server;
  let asked: string[];
  let answer: (path: string) => Promise<{ status: number; body?: Uint8Array; location?: string }>;
  let url: string;
  beforeEach(async () => {
    asked = [];
    answer = async (path) => {
      const body = await readFile(join(release, path)).catch(() => undefined);
      return body ? { status: 200, body } : { status: 404 };
    };
    server = createServer(async (request, response) => {
      const path = decodeURIComponent((request.url ?? '').replace(/^\/some\/where\//, ''));
      asked.push(path);
      const { status, body, location } = await answer(path);
      response.writeHead(status, location === undefined ? {} : { location }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/where`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('asks for sums and signature first, then for what they list', async () => {
    const { sums, folder } = await open(url);
    expect(sums.size).toBe(names.length);
    expect(asked.slice(0, 2)).toEqual(['SHA256SUMS', 'SHA256SUMS.sig']);
    expect(await readFile(join(folder, 'hello.efi'), 'utf8')).toBe('MZ\n');
  });

  it('asks for nothing more where the signature does not hold', async () => {
    await expect(open(url, testKey().publicKey)).rejects.toMatchObject({ code: 'signature-invalid' });
    expect(asked).toEqual(['SHA256SUMS', 'SHA256SUMS.sig']);
  });

  it('tells what is missing', async () => {
    await rm(at('hello.disk'));
    const { missing, folder } = await open(url);
    expect(missing).toEqual(['hello.disk']);
    await expect(readFile(join(folder, 'hello.disk'))).rejects.toThrow();
  });

  it('follows no redirect', async () => {
    answer = async () => ({ status: 302, location: 'http://127.0.0.1:1/' });
    await expect(open(url)).rejects.toThrow('it redirects, which is not followed');
  });

  it('bounds what a server sends', async () => {
    answer = async () => ({ status: 200, body: Buffer.alloc(LIMITS.sumsBytes + 1) });
    await expect(open(url)).rejects.toMatchObject({ code: 'download-failed' });
  });

  it('refuses what a server changed on the way', async () => {
    const honest = answer;
    answer = async (path) =>
      path === 'hello.efi' ? { status: 200, body: Buffer.from('MZ?') } : honest(path);
    await expect(open(url)).rejects.toMatchObject({ code: 'release-tampered' });
  });
});
