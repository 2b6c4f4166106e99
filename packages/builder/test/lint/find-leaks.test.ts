import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../measure/src/bytes/text.ts';
import { makeCpio } from '../../../measure/test/diff/make-cpio.ts';
import { makeElf } from '../../../measure/test/diff/make-elf.ts';
import { makeUki } from '../../../measure/test/make-pe.ts';
import { isExcepted } from '../../src/lint/check-leaks.ts';
import { leakFacts } from '../../src/lint/facts.ts';
import { findLeaks } from '../../src/lint/find-leaks.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const SOURCES = {
  env: {
    DEPLOY_TOKEN: 's3cr3t-value-of-mine',
    SIGNING_KEY: 'short',
    MONKEYS: 'bananas-and-more',
    PATH: '/usr/bin',
  },
  project: '/srv/work/my-project',
  store: '/srv/cache/altee',
  outDir: '/srv/work/out',
  snapshot: '20261101T000000Z',
  manifestText: 'name: hello\n',
  now: NOW,
  user: 'miriam',
  host: 'pc-17.example.org',
  home: '/home/miriam',
};

/** What is found in a file of these bytes. */
async function leaksIn(bytes: Uint8Array, sources: Partial<typeof SOURCES> = {}, name = 'x.efi') {
  const folder = await mkdtemp(join(tmpdir(), 'altee-leaks-'));
  try {
    await writeFile(join(folder, name), bytes);
    return (await findLeaks(folder, [name], leakFacts({ ...SOURCES, ...sources }))).leaks;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An image whose app holds the text in `.rodata`. */
function imageWith(text: string | Uint8Array): Uint8Array {
  const content = typeof text === 'string' ? ascii(`before ${text} after\0`) : text;
  const elf = makeElf({ '.text': ascii('code'), '.rodata': content });
  return makeUki('257.13-1', { '.initrd': makeCpio([{ name: 'app/hello', data: elf }]) });
}

const kinds = async (text: string | Uint8Array) => (await leaksIn(imageWith(text))).map(({ what }) => what);
const epoch = (date: string) => Date.parse(date) / 1000;

describe('findLeaks()', () => {
  it('names the file, section, entry and ELF section, the offset and the context', async () => {
    expect(await leaksIn(imageWith('/srv/work/my-project/main.c'))).toEqual([
      {
        what: 'path',
        which: "the project's folder",
        place: ['x.efi', '.initrd', 'app/hello', '.rodata'],
        offset: 7,
        context: expect.stringContaining('before /srv/work/my-project/main.c after'),
      },
    ]);
  });

  it.each([
    ['path', 'a file in /srv/cache/altee/tmp'],
    ['path', '-I/home/miriam/include'],
    ['user', 'by miriam on'],
    ['host', 'on pc-17, at'],
    ['host', 'on pc-17.example.org'],
    ['date', 'Nov 21 2026'],
    ['date', 'Nov  7 2026 10:11:12'],
    ['date', 'Sat Nov 21 11:02:51 UTC 2026'],
    ['date', 'Sat Nov 21 11:02:51 AM UTC 2026'],
    ['date', 'Sat, 21 Nov 2026 11:02:51 +0000'],
    ['date', '2026-11-21T11:02:51Z'],
    ['date', '2026-11-21'],
    ['date', '20261121'],
    ['date', '2026/11/21 11:02'],
    ['time-stamp', String(epoch('2026-11-21T11:02:51Z'))],
    ['secret', 'token=s3cr3t-value-of-mine;'],
    ['secret', Buffer.from('s3cr3t-value-of-mine').toString('base64')],
    ['secret', Buffer.from('s3cr3t-value-of-mine').toString('hex')],
  ])('finds a %s: %s', async (what, text) => {
    expect(new Set(await kinds(text))).toEqual(new Set([what]));
  });

  it.each([
    ['a longer name', 'miriamne, pc-170, xmiriam'],
    ['a longer path', '/srv/work/my-project-2, /home/miriamne'],
    ['dates before the lock', 'Jan  1 2024, 2025-12-31, Oct 31 2026'],
    ["the lock's own time", '20261101T000000Z and 2026-11-01T00:00:00Z'],
    ['dates of the future', '2099-01-01, Nov 21 2027'],
    ['numbers that are no time', '17952600001, 2026112, x1795260000y, 12026-11-21'],
    ['short and other values', 'short bananas-and-more /usr/bin'],
    ['the beginning of a key', '-----BEGIN PRIVATE KEY-----'],
  ])('does not find %s', async (_, text) => {
    expect(await kinds(text)).toEqual([]);
  });

  it('does not show a secret', async () => {
    const leaks = await leaksIn(imageWith('s3cr3t-value-of-mine'));
    expect(JSON.stringify(leaks)).not.toContain('s3cr3t');
    expect(leaks[0]).toMatchObject({ which: 'the value of $DEPLOY_TOKEN', context: '************' });
  });

  it('does not show a secret beside another finding, though it stands there often', async () => {
    const text = `${'s3cr3t-value-of-mine '.repeat(50)} miriam s3cr3t-value-of-mine`;
    expect(JSON.stringify(await leaksIn(imageWith(text)))).not.toContain('s3cr3t');
  });

  it('leaves out names that say nothing, or that the manifest says', async () => {
    const common = { user: 'root', host: 'localhost', home: '/root', manifestText: '' };
    expect(await leaksIn(imageWith('root at localhost in /root/x'), common)).toEqual([]);
    const named = { manifestText: 'name: miriam\n' };
    expect(await leaksIn(imageWith('by miriam'), named)).toEqual([]);
  });

  it('finds private keys in PEM and DER', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(await kinds(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toEqual([
      'private-key',
    ]);
    expect(await kinds(new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })))).toEqual([
      'private-key',
    ]);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    expect(await kinds(rsa.export({ type: 'pkcs1', format: 'pem' }).toString())).toEqual(['private-key']);
    expect(await kinds(new Uint8Array(rsa.export({ type: 'pkcs8', format: 'der' })))).toEqual([
      'private-key',
    ]);
  });

  it('finds a certificate by when it became valid', async () => {
    const validity = (notBefore: string) =>
      Uint8Array.from([0x30, 0x1e, 0x17, 13, ...ascii(notBefore), 0x17, 13, ...ascii('361121000000Z')]);
    expect(await kinds(validity('261121110251Z'))).toEqual(['certificate']);
    expect(await kinds(validity('250101000000Z'))).toEqual([]);
  });

  it('finds the time stamps of formats', async () => {
    const stamp = epoch('2026-11-21T11:02:51Z');
    const gzip = gzipSync('content');
    gzip.writeUInt32LE(stamp, 4);
    expect(new Set(await kinds(Uint8Array.from([1, 2, 3, ...gzip])))).toEqual(new Set(['time-stamp']));
    const archive = makeUki('257.13-1', { '.initrd': makeCpio([{ name: 'init', mtime: stamp }]) });
    expect(await leaksIn(archive)).toMatchObject([
      { what: 'time-stamp', which: 'mtime', place: ['x.efi', '.initrd', 'init'] },
    ]);
    const image = makeUki('257.13-1', {});
    new DataView(image.buffer).setUint32(0x40 + 8, stamp, true);
    expect(await leaksIn(image)).toMatchObject([
      { what: 'time-stamp', which: 'TimeDateStamp', place: ['x.efi'] },
    ]);
  });

  it('looks into what is compressed, and not at the compressed bytes', async () => {
    const gzip = gzipSync('by miriam on this day');
    const leaks = await leaksIn(makeUki('257.13-1', { '.initrd': gzip }));
    expect(leaks).toMatchObject([{ what: 'user', place: ['x.efi', '.initrd'], offset: 3 }]);
  });
});

describe('isExcepted()', () => {
  const leak = { what: 'date', place: ['hello.efi', '.initrd', 'app/data/list', '.rodata'] } as const;

  it.each([
    ['app/data', true],
    ['hello.efi', true],
    ['app/data/list/.rodata', true],
    ['app/dat', false],
    ['data/app', false],
    ['/', false],
  ])('takes "%s" as whole names of a place: %s', (where, fits) => {
    expect(isExcepted(leak, { what: 'date', where })).toBe(fits);
    expect(isExcepted(leak, { what: 'path', where })).toBe(false);
  });
});
