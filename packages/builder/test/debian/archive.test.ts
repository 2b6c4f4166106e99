import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type ArchiveContext, fetchIndexes, fetchRelease, type Suite } from '../../src/debian/archive.ts';
import { silentReporter } from '../../src/report.ts';
import { Store } from '../../src/store/store.ts';
import { type Answer, stall, status } from '../fetch/test-server.ts';
import { tempFolder } from '../temp.ts';
import { packagesText } from './index-text.ts';
import { below, startMirror } from './mirror.ts';
import { makeKey, releaseText, type SuiteContent, sha256, suiteFiles } from './signed-archive.ts';
import { storedXz } from './stored-xz.ts';

const date = new Date('2026-11-20T12:00:00Z');
const now = new Date('2026-11-21T12:00:00Z');
const key = await makeKey('Archive of the test');
const stranger = await makeKey('Somebody else');
const suite: Suite = { archive: 'debian', codename: 'trixie', label: 'Debian', keys: [key.archiveKey] };
const content: SuiteContent = {
  codename: 'trixie',
  label: 'Debian',
  key,
  date,
  packages: packagesText([['a'], ['b']]),
  sources: 'Package: linux\nDirectory: pool/main/l/linux\n',
};
const inRelease = 'debian/dists/trixie/InRelease';

type Files = Map<string, Uint8Array | Answer>;
const good = async (changed: Partial<SuiteContent> = {}): Promise<Files> =>
  below('debian', await suiteFiles({ ...content, ...changed }));

/** A store in a folder of its own and mirrors with these files, asked in this order. */
async function setUp(...mirrors: Files[]) {
  const folder = await tempFolder();
  const servers = await Promise.all(mirrors.map(startMirror));
  const context: ArchiveContext = {
    store: await Store.open(folder.path),
    origins: {
      vendorDirs: [],
      archives: { debian: servers.map(({ url }) => `${url}/debian`), 'debian-security': [] },
    },
    reporter: silentReporter,
    now,
    patience: { idleMs: 200, attempts: 2, backoffMs: 1 },
  };
  const dispose = async () => {
    for (const one of [...servers, folder]) await one[Symbol.asyncDispose]();
  };
  return { context, servers, [Symbol.asyncDispose]: dispose };
}

describe('fetchRelease()', () => {
  it('gives the verified release file and its digest', async () => {
    const files = await good();
    await using test = await setUp(files);
    const release = await fetchRelease(suite, test.context);
    expect(release.date).toEqual(date);
    expect(release.sha256).toBe(`sha256:${sha256(files.get(inRelease) as Uint8Array)}`);
  });

  it.each<[string, Answer | 'unsigned' | 'stranger' | 'expired']>([
    ['answers 404', status(404)],
    ['answers 500', status(500)],
    ['breaks the connection', (_, response) => response.destroy()],
    ['stalls', stall(new Uint8Array(1000), 10)],
    ['redirects in a circle', status(302, { location: '/debian/dists/trixie/InRelease' })],
    [
      'sends without an end',
      (_, response) => {
        response.on('error', () => {});
        const more = () => response.writable && response.write(Buffer.alloc(1 << 20), more);
        more();
      },
    ],
    ['serves a log-in page', (_, response) => response.end('<html>')],
    ['is signed by somebody else', 'stranger'],
    ['is out of date', 'expired'],
  ])('passes over a mirror that %s', async (_, how) => {
    const bad =
      how === 'stranger'
        ? await good({ key: stranger })
        : how === 'expired'
          ? await good({ validUntil: date })
          : new Map([[inRelease, how as Answer]]);
    await using test = await setUp(bad, await good());
    expect((await fetchRelease(suite, test.context)).date).toEqual(date);
  });

  it('tells of the mirrors that it passed over, of a lying one as refused', async () => {
    await using test = await setUp(new Map(), await good({ key: stranger }), await good());
    const texts: string[] = [];
    const reporter = { ...silentReporter, warn: (text: string) => void texts.push(text) };
    await fetchRelease(suite, { ...test.context, reporter });
    expect(texts).toEqual([
      `Skipped ${test.servers[0]?.url}/${inRelease}: HTTP 404 Not Found; another origin has it`,
      expect.stringMatching(/^Refused http.*No valid signature of Debian's archive.*; asked another origin$/),
    ]);
  });

  it('names each mirror and its failure where none will do, the refused signature first', async () => {
    await using test = await setUp(
      new Map([[inRelease, status(503)]]),
      await good({ key: stranger }),
      new Map(),
    );
    const error = await fetchRelease(suite, test.context).catch((caught) => caught);
    expect(error.code).toBe('signature-invalid');
    expect(error.message).toContain(
      `No valid signature of Debian's archive on ${test.servers[1]?.url}/debian/`,
    );
    expect(error.details.join('\n')).toContain(`Also: ${test.servers[0]?.url}/${inRelease}: HTTP 503`);
    expect(error.details.join('\n')).toContain(`Also: ${test.servers[2]?.url}/${inRelease}: HTTP 404`);
  });

  it('says download-failed where no mirror answers', async () => {
    await using test = await setUp(new Map());
    await expect(fetchRelease(suite, test.context)).rejects.toMatchObject({
      code: 'download-failed',
      message: 'Cannot fetch the release file of trixie',
    });
  });

  it('refuses a release file older than the one trusted last, and takes it from another mirror', async () => {
    const later = new Date('2026-11-21T00:00:00Z');
    await using test = await setUp(await good(), await good({ date: later }));
    expect((await fetchRelease(suite, test.context, later)).date).toEqual(later);
    await expect(fetchRelease(suite, test.context, now)).rejects.toMatchObject({ code: 'index-invalid' });
  });
});

describe('fetchIndexes()', () => {
  const index = async (context: ArchiveContext) => {
    const release = await fetchRelease(suite, context);
    const [bytes = Buffer.alloc(0)] = await fetchIndexes([release], 'packages', context);
    return Buffer.from(bytes).toString();
  };
  const xzPath = 'debian/dists/trixie/main/binary-amd64/Packages.xz';
  const hashPath = (files: Files) =>
    [...files.keys()].find((path) => /binary-amd64\/by-hash/.test(path)) ?? '';

  it('gives the signed text, asked for by its digest', async () => {
    await using test = await setUp(await good());
    expect(await index(test.context)).toBe(content.packages);
    expect(test.servers[0]?.asked[1]).toMatch(/by-hash\/SHA256\/[0-9a-f]{64}$/);
    expect(test.servers[0]?.asked).toHaveLength(2);
  });

  it('reads it from the store the next time', async () => {
    await using test = await setUp(await good());
    await index(test.context);
    expect(await index(test.context)).toBe(content.packages);
    expect(test.servers[0]?.asked.filter((path) => !path.endsWith('InRelease'))).toHaveLength(1);
  });

  it('does not trust what was changed in the store', async () => {
    await using test = await setUp(await good());
    await index(test.context);
    const kept = test.context.store.filePath(`sha256:${sha256(Buffer.from(content.packages))}`);
    await writeFile(kept, 'Package: evil\n');
    expect(await index(test.context)).toBe(content.packages);
  });

  it('falls back to the plain name where the mirror has no by-hash', async () => {
    const files = await good();
    files.delete(hashPath(files));
    await using test = await setUp(files);
    expect(await index(test.context)).toBe(content.packages);
  });

  it('passes over a mirror with other bytes', async () => {
    const files = await good();
    const other = await good();
    const bytes = Buffer.from(files.get(xzPath) as Uint8Array);
    bytes[40] = 0;
    files.set(xzPath, bytes).set(hashPath(files), bytes);
    await using test = await setUp(files, other);
    expect(await index(test.context)).toBe(content.packages);
  });

  it.each<[string, (files: Files) => Uint8Array | Answer]>([
    ['other bytes', () => storedXz(Buffer.from('Package: evil\n'))],
    ['a truncated file', (files) => (files.get(xzPath) as Uint8Array).subarray(0, 60)],
    ['more bytes than signed', (files) => Buffer.concat([files.get(xzPath) as Uint8Array, Buffer.alloc(10)])],
    ['nothing at all', () => status(404)],
  ])('refuses %s', async (_, change) => {
    const files = await good();
    const bad = change(files);
    files.set(xzPath, bad).set(hashPath(files), bad);
    await using test = await setUp(files);
    const error = await index(test.context).catch((caught) => caught);
    expect(['digest-mismatch', 'download-failed']).toContain(error.code);
  });

  it.each<[string, Buffer, string, number, RegExp]>([
    [
      'a bomb',
      storedXz(Buffer.alloc(5 << 20)),
      sha256(Buffer.alloc(5 << 20)),
      1000,
      /holds more than the signed 1000 bytes/,
    ],
    [
      'less than signed',
      storedXz(Buffer.from('a')),
      sha256(Buffer.from('a')),
      2,
      /holds 1 bytes instead of the signed 2/,
    ],
    [
      'other text than signed',
      storedXz(Buffer.from('a')),
      sha256(Buffer.from('b')),
      1,
      /another content than what was signed/,
    ],
    ['what is no xz', Buffer.from('Package: a\n'), sha256(Buffer.from('x')), 1, /cannot be decompressed/],
    [
      'a broken xz',
      storedXz(Buffer.alloc(100_000)).subarray(0, -30),
      sha256(Buffer.alloc(100_000)),
      100_000,
      /cannot be decompressed|holds/,
    ],
    [
      'too much altogether',
      storedXz(Buffer.from('a')),
      sha256(Buffer.from('a')),
      1 << 30,
      /more than altee reads/,
    ],
  ])(
    'refuses an index that is %s, though its bytes are signed',
    async (_, compressed, digest, size, message) => {
      const lines = [
        ` ${digest} ${size} main/binary-amd64/Packages`,
        ` ${sha256(compressed)} ${compressed.length} main/binary-amd64/Packages.xz`,
      ];
      const signed = await key.sign(releaseText({ date, files: lines }), date);
      await using test = await setUp(
        new Map([
          [inRelease, Buffer.from(signed)],
          [xzPath, compressed],
        ]),
      );
      const error = await index(test.context).catch((caught) => caught);
      expect(error.code).toBe('index-invalid');
      expect(error.message).toMatch(message);
    },
  );

  it('refuses a release file that does not list it', async () => {
    const signed = await key.sign(releaseText({ date, files: [] }), date);
    await using test = await setUp(new Map([[inRelease, Buffer.from(signed)]]));
    await expect(index(test.context)).rejects.toThrow(
      'No "main/binary-amd64/Packages" in the release file of trixie',
    );
  });
});
