import { describe, expect, it } from 'vitest';
import { type ReleaseChecks, verifyInRelease } from '../../src/debian/in-release.ts';
import { archiveKeys, securityArchiveKeys } from '../../src/debian/keys/trixie.ts';
import { makeKey, releaseText } from './signed-archive.ts';

const date = new Date('2026-11-20T12:00:00Z');
const now = new Date('2026-11-21T12:00:00Z');
const digest = '5a'.repeat(32);
const files = [` ${digest} 1234 main/binary-amd64/Packages.xz`];
const key = await makeKey('Archive of the test');
const stranger = await makeKey('Somebody else');

const checks: ReleaseChecks = {
  where: 'the test',
  keys: [key.archiveKey],
  identity: { origin: 'Debian', label: 'Debian', codename: 'trixie' },
  now,
};

const verify = (text: string, changed: Partial<ReleaseChecks> = {}) =>
  verifyInRelease(new TextEncoder().encode(text), { ...checks, ...changed });
const signed = (fields: Partial<Parameters<typeof releaseText>[0]> = {}) =>
  key.sign(releaseText({ date, files, ...fields }), date);

describe('verifyInRelease()', () => {
  it('gives what was signed', async () => {
    const validUntil = new Date('2026-11-27T12:00:00Z');
    expect(await verify(await signed({ validUntil }))).toEqual({
      date,
      validUntil,
      files: new Map([['main/binary-amd64/Packages.xz', { sha256: `sha256:${digest}`, sizeBytes: 1234 }]]),
    });
  });

  it('needs one valid signature among several keys', async () => {
    const keys = [stranger.archiveKey, key.archiveKey];
    expect((await verify(await signed(), { keys })).date).toEqual(date);
  });

  it.each([
    ['a changed digest', (text: string) => text.replace(digest, 'a5'.repeat(32))],
    ['a changed date', (text: string) => text.replace('20 Nov 2026', '19 Nov 2026')],
    [
      'a field added to the signed text',
      (text: string) => text.replace('Origin:', 'Architectures: all\nOrigin:'),
    ],
    ['a line taken from the signed text', (text: string) => text.replace(/Suite: stable\r?\n/, '')],
    [
      'a signature of another text',
      async (text: string) =>
        text.replace(
          /-----BEGIN PGP SIGNATURE[\s\S]*$/,
          /-----BEGIN PGP SIGNATURE[\s\S]*$/.exec(await key.sign('x', date))?.[0] ?? '',
        ),
    ],
    ['a signature by another key', () => stranger.sign(releaseText({ date, files }), date)],
    ['text before the signed text', (text: string) => `SHA256:\n ${digest} 1 x\n${text}`],
    ['text after the signature', (text: string) => `${text}\nSHA256:\n ${digest} 1 x\n`],
    ['a second message', (text: string) => `${text}\n${text}`],
    [
      'a second message around the first',
      (text: string) => `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${text}`,
    ],
    ['no signature', () => releaseText({ date, files })],
    [
      'an empty signature',
      (text: string) => text.replace(/(-----BEGIN PGP SIGNATURE-----\n)[\s\S]*(-----END)/, '$1\n$2'),
    ],
    ['a file that ends in the text', (text: string) => text.slice(0, 200)],
    ['a file that ends in the signature', (text: string) => text.slice(0, -60)],
    ['an empty file', () => ''],
  ])('refuses %s', async (_, change) => {
    const original = await signed();
    const text = await change(original);
    expect(text).not.toBe(original);
    await expect(verify(text)).rejects.toMatchObject({ code: 'signature-invalid' });
  });

  it('reads no field from the headers of the message', async () => {
    const text = (await signed()).replace(/^Hash: \w+$/m, `$&\nSHA256: ${digest} 1 evil`);
    expect(text).toContain('evil');
    const files = await verify(text).then(
      (release) => [...release.files.keys()],
      () => ['main/binary-amd64/Packages.xz'],
    );
    expect(files).toEqual(['main/binary-amd64/Packages.xz']);
  });

  it('refuses bytes that are no text', async () => {
    await expect(verifyInRelease(Uint8Array.of(0xff, 0x00, 0x80), checks)).rejects.toMatchObject({
      code: 'signature-invalid',
    });
  });

  it('names the keys that signed and those that it expects', async () => {
    const error = await verify(await stranger.sign(releaseText({ date, files }), date)).catch(
      (caught) => caught,
    );
    expect(error.message).toBe("No valid signature of Debian's archive on the test");
    expect(error.details[0]).toMatch(/^Signature by key [0-9A-F]{16}: /);
    expect(error.details[1]).toBe(`Expected: Archive of the test, ${key.archiveKey.fingerprint}`);
  });

  it('refuses a pinned key that is not the one its fingerprint names', async () => {
    const keys = [{ ...key.archiveKey, fingerprint: stranger.archiveKey.fingerprint }];
    await expect(verify(await signed(), { keys })).rejects.toThrow(/another fingerprint/);
  });

  it('refuses an expired file, and shows the clock', async () => {
    const error = await verify(await signed({ validUntil: new Date('2026-11-21T11:59:59Z') })).catch(
      (caught) => caught,
    );
    expect(error.code).toBe('index-invalid');
    expect(error.message).toBe('the test expired on 2026-11-21T11:59:59.000Z');
    expect(error.hint).toMatch(
      /^This machine's clock says 2026-11-21T12:00:00.000Z; if that is right, the mirror/,
    );
  });

  it('refuses a file from the future', async () => {
    const text = await signed({ date: new Date('2026-11-22T12:00:00Z') });
    await expect(verify(text)).rejects.toThrow('the test is from the future: 2026-11-22T12:00:00.000Z');
  });

  it('refuses a signature from the future', async () => {
    await expect(verify(await signed(), { now: new Date('2026-11-19T12:00:00Z') })).rejects.toMatchObject({
      code: 'signature-invalid',
    });
  });

  it.each([
    ['another origin', { origin: 'Ubuntu' }, 'The origin in the test is "Ubuntu" instead of "Debian"'],
    [
      'another label',
      { label: 'Debian-Security' },
      'The label in the test is "Debian-Security" instead of "Debian"',
    ],
    [
      'another release',
      { codename: 'bookworm' },
      'The codename in the test is "bookworm" instead of "trixie"',
    ],
    ['no digests', { files: [' '] }, undefined],
    [
      'an odd line of digests',
      { files: [` ${digest} main/x`] },
      `Cannot read "${digest} main/x" in the test`,
    ],
    ['an MD5 digest', { files: [` ${'5a'.repeat(16)} 1 main/x`] }, undefined],
    ['a path that stands twice', { files: [...files, ...files] }, undefined],
  ])('refuses %s though signed', async (_, fields, message) => {
    const verified = verify(await signed(fields));
    if (message === undefined && fields.files?.[0] === ' ') expect((await verified).files.size).toBe(0);
    else await expect(verified).rejects.toMatchObject({ code: 'index-invalid', ...(message && { message }) });
  });

  it.each(['Date', 'Codename', 'SHA256'])('refuses a file without the field %s', async (field) => {
    const text = releaseText({ date, files }).replace(new RegExp(`^${field}:`, 'm'), `X-${field}:`);
    await expect(verify(await key.sign(text, date))).rejects.toThrow(`No field "${field.toLowerCase()}"`);
  });

  it('refuses a date in another form', async () => {
    const text = releaseText({ date, files }).replace(/^Date: .*$/m, 'Date: 2026-11-20');
    await expect(verify(await key.sign(text, date))).rejects.toThrow('Cannot read the date "2026-11-20"');
  });
});

describe('the pinned keys', () => {
  it.each([...archiveKeys, ...securityArchiveKeys])(
    '$owner has the fingerprint that Debian publishes',
    async (pinned) => {
      // Signed by a stranger, so that the keys are read and compared but accept nothing.
      const text = await stranger.sign(releaseText({ date, files }), date);
      await expect(verify(text, { keys: [pinned] })).rejects.toThrow(/No valid signature/);
    },
  );
});
