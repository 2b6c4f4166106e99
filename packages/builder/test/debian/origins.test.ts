import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDeb822Sources, parseSourcesList } from '../../src/debian/apt-sources.ts';
import { resolveOrigins, urlsOf } from '../../src/debian/origins.ts';
import { tempFolder } from '../temp.ts';

const snapshot = '20261121T120000Z';
const last = {
  debian: `https://snapshot.debian.org/archive/debian/${snapshot}`,
  security: `https://snapshot.debian.org/archive/debian-security/${snapshot}`,
};

/** Origins of a machine with these files in its apt folder. */
async function originsWith(files: Record<string, string>, env: Record<string, string> = {}) {
  await using apt = await tempFolder();
  await mkdir(join(apt.path, 'sources.list.d'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(apt.path, name), text);
  return await resolveOrigins({ env, snapshot, aptDir: apt.path });
}

describe('resolveOrigins()', () => {
  it("ends with the snapshot archive at the lock's time, and needs nothing else", async () => {
    const origins = await resolveOrigins({ env: {}, snapshot, aptDir: '/nonexistent' });
    expect(origins).toEqual({
      vendorDirs: [],
      archives: { debian: [last.debian], 'debian-security': [last.security] },
    });
  });

  it("takes Debian archives of the machine's apt, in both formats, whatever the release", async () => {
    const origins = await originsWith({
      'sources.list':
        'deb [arch=amd64 signed-by=/x.gpg] http://a.example/pub/debian/ bookworm main contrib # x\n#deb http://no.example/debian bookworm main\ndeb-src http://no.example/debian bookworm main\n',
      'sources.list.d/more.sources':
        '# a comment\nTypes: deb deb-src\nURIs: http://b.example/debian\n  https://c.example/debian/\n# URIs: http://no.example/debian\nSuites: bookworm\nComponents: main\n\nTypes: deb\nURIs: http://b.example/debian-security\nSuites: bookworm-security\nComponents: main\n',
    });
    expect(origins.archives).toEqual({
      debian: [
        'http://a.example/pub/debian',
        'http://b.example/debian',
        'https://c.example/debian',
        last.debian,
      ],
      'debian-security': ['http://b.example/debian-security', last.security],
    });
  });

  it.each([
    ['of another distribution', 'deb http://x.example/ubuntu noble main'],
    ["of a vendor's own packages", 'deb https://x.example/linux/debian bookworm stable'],
    ['of local files', 'deb file:/srv/debian bookworm main'],
    ['behind a log-in method', 'deb tor+http://x.example/debian bookworm main'],
    ['without components', 'deb http://x.example/debian ./'],
  ])('takes no source %s', async (_, line) => {
    expect((await originsWith({ 'sources.list': line })).archives.debian).toEqual([last.debian]);
  });

  it('takes no disabled source and no file of another kind', async () => {
    const stanza = 'Types: deb\nURIs: http://x.example/debian\nSuites: trixie\nComponents: main\n';
    const origins = await originsWith({
      'sources.list.d/a.sources': `${stanza}Enabled: no\n`,
      'sources.list.d/b.sources.save': stanza,
      'sources.list.d/c.sources': stanza.replace('Types: deb', 'Types: deb-src'),
    });
    expect(origins.archives.debian).toEqual([last.debian]);
  });

  it('takes ALTEE_DEBIAN_MIRROR instead of apt, and security beside it', async () => {
    const files = { 'sources.list': 'deb http://no.example/debian bookworm main' };
    const env = { ALTEE_DEBIAN_MIRROR: 'https://m.example/debian/' };
    expect((await originsWith(files, env)).archives).toEqual({
      debian: ['https://m.example/debian', last.debian],
      'debian-security': ['https://m.example/debian-security', last.security],
    });
    const both = { ...env, ALTEE_DEBIAN_SECURITY_MIRROR: 'https://s.example/sec' };
    expect((await originsWith(files, both)).archives['debian-security']).toEqual([
      'https://s.example/sec',
      last.security,
    ]);
  });

  it.each(['m.example/debian', 'ftp://m.example/debian', 'file:///srv/debian'])(
    'refuses the mirror "%s"',
    async (value) => {
      await expect(resolveOrigins({ env: { ALTEE_DEBIAN_MIRROR: value }, snapshot })).rejects.toMatchObject({
        code: 'invalid-input',
        message: `ALTEE_DEBIAN_MIRROR is "${value}", which is no http(s) URL`,
      });
    },
  );

  it('asks vendor folders of the command line before those of ALTEE_VENDOR', async () => {
    const origins = await resolveOrigins({
      env: { ALTEE_VENDOR: '/a:/b:' },
      vendorDirs: ['/c'],
      snapshot,
      aptDir: '/nonexistent',
    });
    expect(origins.vendorDirs).toEqual(['/c', '/a', '/b']);
  });
});

describe('urlsOf()', () => {
  const origins = {
    vendorDirs: [],
    archives: {
      debian: ['http://a/debian', 'http://b/debian'],
      'debian-security': ['http://s/debian-security'],
    },
  };

  it('gives the URL at each origin of the archive', () => {
    expect(urlsOf(origins, 'debian:pool/main/x/x_1.deb')).toEqual([
      'http://a/debian/pool/main/x/x_1.deb',
      'http://b/debian/pool/main/x/x_1.deb',
    ]);
    expect(urlsOf(origins, 'debian-security:pool/x')).toEqual(['http://s/debian-security/pool/x']);
  });

  it("escapes what a server could take for a space or a query's beginning", () => {
    expect(urlsOf(origins, 'debian-security:pool/x_1+b1~2?3#4.deb')).toEqual([
      'http://s/debian-security/pool/x_1%2Bb1~2%3F3%234.deb',
    ]);
  });

  it('leaves a URL as it is', () => {
    expect(urlsOf(origins, 'https://k.example/linux+x.tar.xz')).toEqual(['https://k.example/linux+x.tar.xz']);
  });
});

describe('parsing of apt sources', () => {
  it.each(['', 'nonsense', 'deb', 'deb http://x', 'deb [x http://x y z', '\0\0'])(
    'finds nothing in "%s"',
    (text) => {
      expect(parseSourcesList(text)).toEqual([]);
      expect(parseDeb822Sources(text)).toEqual([]);
    },
  );
});
