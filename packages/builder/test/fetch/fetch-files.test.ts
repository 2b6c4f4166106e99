import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { BuilderError } from '../../src/error.ts';
import { type FetchOptions, fetchFiles } from '../../src/fetch/fetch-files.ts';
import type { Reporter } from '../../src/report.ts';
import { silentReporter } from '../../src/report.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';
import { breakOff, serve, stall, startServer, status } from './test-server.ts';

const content = randomBytes(300_000);
const sha256 = sha256Of(content);

function sha256Of(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** Where a store keeps what it has of the content so far. */
function partialIn(dir: string): string {
  return join(dir, 'partial', sha256.slice('sha256:'.length));
}

/** Fetches the content into an empty store through these URLs, with waits that suit a test; gives the digest of what is there. */
async function fetchFrom(dir: string, origins: string[], options: Partial<FetchOptions> = {}) {
  const store = await Store.open(dir);
  const file = { size: content.length, sha256, origins };
  const paths = await fetchFiles(store, [{ name: 'some.deb', file }], {
    originsOf: (origin) => [origin],
    offline: false,
    reporter: silentReporter,
    idleMs: 10_000,
    backoffMs: 5,
    ...options,
  });
  return sha256Of(await readFile(paths.get('some.deb') ?? ''));
}

async function failure(promise: Promise<unknown>): Promise<BuilderError> {
  const error = await promise.then(
    () => new Error('It did not fail'),
    (error: unknown) => error,
  );
  if (!(error instanceof BuilderError)) throw error;
  return error;
}

function warnings(): { reporter: Reporter; texts: string[] } {
  const texts: string[] = [];
  return { texts, reporter: { ...silentReporter, warn: (text) => void texts.push(text) } };
}

describe('fetchFiles()', () => {
  it('gives the path of the verified file in the store', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(serve(content));
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
  });

  it('asks no origin for what the store has', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(serve(content));
    await fetchFrom(dir.path, [server.url]);
    await fetchFrom(dir.path, [server.url], { offline: true });
    expect(server.ranges).toHaveLength(1);
  });

  it('resumes a broken download where it broke off', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(
      breakOff(content, 100_000, partialIn(dir.path)),
      breakOff(content, 50_000, partialIn(dir.path)),
      serve(content),
    );
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
    expect(server.ranges).toEqual(['', 'bytes=100000-', 'bytes=150000-']);
  });

  it('resumes at the next origin, and in the next run', async () => {
    await using dir = await tempFolder();
    await using first = await startServer(breakOff(content, 100_000, partialIn(dir.path)));
    await using second = await startServer(breakOff(content, 10_000, partialIn(dir.path)), status(404));
    await using third = await startServer(serve(content));
    await failure(fetchFrom(dir.path, [first.url, second.url], { attempts: 1 }));
    expect(second.ranges).toEqual(['bytes=100000-']);
    expect(await fetchFrom(dir.path, [third.url])).toBe(sha256);
    expect(third.ranges).toEqual(['bytes=110000-']);
  });

  it('starts again where a server ignores ranges', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(
      breakOff(content, 100_000, partialIn(dir.path)),
      (_request, response) => response.end(content),
    );
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
  });

  it('starts again where what it had does not fit what the server has', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    await writeFile(store.partialPath(sha256), randomBytes(1000));
    await using server = await startServer(serve(content));
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
    expect(server.ranges).toEqual(['bytes=1000-', '']);
  });

  it.each([
    ['as long as the file', content.length],
    ['longer than the file', content.length + 1],
  ])('starts again where the rest of an earlier try is %s but wrong', async (_, length) => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    await writeFile(store.partialPath(sha256), randomBytes(length));
    await using server = await startServer(serve(content));
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
  });

  it('needs no request when the rest of an earlier try is the file', async () => {
    await using dir = await tempFolder();
    const store = await Store.open(dir.path);
    await writeFile(store.partialPath(sha256), content);
    await using server = await startServer(status(404));
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
    expect(server.ranges).toEqual([]);
  });

  it('tries again after 500, 429 and a stall', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(
      status(500),
      status(429, { 'retry-after': '0' }),
      stall(content, 1000),
      serve(content),
    );
    expect(await fetchFrom(dir.path, [server.url], { idleMs: 300 })).toBe(sha256);
    expect(server.ranges.slice(0, 3)).toEqual(['', '', '']);
  });

  it('asks the next origin after 404, without a second try', async () => {
    await using dir = await tempFolder();
    await using empty = await startServer(status(404));
    await using server = await startServer(serve(content));
    expect(await fetchFrom(dir.path, [empty.url, server.url])).toBe(sha256);
    expect(empty.ranges).toHaveLength(1);
  });

  it.each([
    ['other bytes', serve(randomBytes(content.length)), /its SHA-256 is [0-9a-f]{64}, not/],
    [
      'a longer file',
      serve(Buffer.concat([content, content])),
      /its file has 600000 bytes instead of 300000/,
    ],
    ['a shorter file', serve(content.subarray(1)), /its file has 299999 bytes instead of 300000/],
    [
      'more bytes than it should, without telling',
      (_request: unknown, response: { end(data: Uint8Array): void; write(data: Uint8Array): void }) => {
        response.write(content);
        response.end(content);
      },
      /it sent more than 300000 bytes/,
    ],
  ])('names an origin that serves %s, and asks the next one', async (_, lie, reason) => {
    await using dir = await tempFolder();
    await using liar = await startServer(lie);
    await using server = await startServer(serve(content));
    const { reporter, texts } = warnings();
    expect(await fetchFrom(dir.path, [liar.url, server.url], { reporter })).toBe(sha256);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain(`Wrong bytes for "some.deb" from ${liar.url}`);
    expect(texts[0]).toMatch(reason);
    expect(liar.ranges).toHaveLength(1);
  });

  it('skips a dead origin with a word, once, and asks it last from then on', async () => {
    await using dir = await tempFolder();
    await using dead = await startServer(status(503));
    await using alive = await startServer((request, response) => response.end(request.url));
    const { reporter, texts } = warnings();
    const store = await Store.open(dir.path);
    const files = Array.from({ length: 30 }, (_, index) => ({
      name: `file ${index}`,
      file: { size: `/${index}`.length, sha256: sha256Of(Buffer.from(`/${index}`)), origins: [`${index}`] },
    }));
    const originsOf = (origin: string) => [`${dead.url}/${origin}`, `${alive.url}/${origin}`];
    await fetchFiles(store, files, { originsOf, offline: false, reporter, backoffMs: 1 });
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^Skipped http:\/\/127\.0\.0\.1:\d+\/\d+: HTTP 503.*; another origin has it$/);
    expect(texts[0]).toContain(dead.url);
    // The eight that began at once had to find out.
    expect(dead.ranges.length).toBeLessThanOrEqual(8 * 4);
    expect(alive.ranges).toHaveLength(30);
  });

  it('says nothing of a dead origin that was never needed', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(serve(content));
    const { reporter, texts } = warnings();
    await fetchFrom(dir.path, [server.url, 'http://127.0.0.1:9/some.deb'], { reporter });
    expect(texts).toEqual([]);
  });

  it('does not go on receiving what is too long', async () => {
    await using dir = await tempFolder();
    let sent = 0;
    await using liar = await startServer((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(content)) sent += content.length;
      };
      response.on('drain', more);
      more();
    });
    const error = await failure(fetchFrom(dir.path, [liar.url]));
    expect(error.code).toBe('digest-mismatch');
    expect(sent).toBeLessThan(50_000_000);
    expect(await readdir(join(dir.path, 'partial'))).toEqual([]);
  });

  it('fails with digest-mismatch when all origins lie, and keeps nothing of it', async () => {
    await using dir = await tempFolder();
    await using liar = await startServer(serve(randomBytes(content.length)));
    const error = await failure(fetchFrom(dir.path, [liar.url]));
    expect(error).toMatchObject({ code: 'digest-mismatch', message: 'Cannot fetch "some.deb"' });
    expect(error.details.join('\n')).toContain(liar.url);
    expect(await (await Store.open(dir.path)).list()).toEqual([]);
  });

  it('follows redirects, but not for ever and not out of http', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(serve(content));
    await using around = await startServer(status(302, { location: '/again' }));
    await using away = await startServer(status(301, { location: 'file:///etc/passwd' }));
    await using there = await startServer(status(307, { location: `${server.url}/x` }));
    const error = await failure(fetchFrom(dir.path, [around.url, away.url]));
    expect(error.details.join('\n')).toMatch(/more than 5 redirects.*refused/s);
    expect(await fetchFrom(dir.path, [around.url, away.url, there.url])).toBe(sha256);
  });

  it('compares the digest with what arrives, also from a server that compresses', async () => {
    await using dir = await tempFolder();
    await using server = await startServer((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content)),
    );
    expect(await fetchFrom(dir.path, [server.url])).toBe(sha256);
  });

  it('says why an origin failed', async () => {
    await using dir = await tempFolder();
    await using closed = await startServer(status(200));
    await closed[Symbol.asyncDispose]();
    await using silent = await startServer(() => {});
    const error = await failure(fetchFrom(dir.path, [closed.url, silent.url], { attempts: 1, idleMs: 300 }));
    expect(error.code).toBe('download-failed');
    expect(error.details.join('\n')).toMatch(/the connection was refused.*it sent nothing for 0.3 s/s);
  });

  it('reports all files that failed at once', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(status(404));
    const store = await Store.open(dir.path);
    const files = ['a', 'b', 'c'].map((name) => ({
      name,
      file: {
        size: 1,
        sha256: `sha256:${createHash('sha256').update(name).digest('hex')}`,
        origins: [`${server.url}/${name}`],
      },
    }));
    const options = { originsOf: (origin: string) => [origin], offline: false, reporter: silentReporter };
    const error = await failure(fetchFiles(store, files, options));
    expect(error.message).toBe('Cannot fetch 3 of 3 files');
    for (const name of ['a', 'b', 'c'])
      expect(error.details.join('\n')).toContain(`${server.url}/${name}: HTTP 404`);
    const offline = await failure(fetchFiles(store, files, { ...options, offline: true }));
    expect(offline.code).toBe('offline-missing');
    expect(offline.details).toEqual(
      expect.arrayContaining(files.map(({ name, file }) => `${name}: 1 bytes, ${file.sha256}`)),
    );
    expect(server.ranges).toHaveLength(3);
  });

  it('tries a host that failed for one file only once for the others', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(status(503));
    const store = await Store.open(dir.path);
    const files = Array.from({ length: 20 }, (_, index) => ({
      name: `file ${index}`,
      file: {
        size: 1,
        sha256: `sha256:${createHash('sha256').update(String(index)).digest('hex')}`,
        origins: [server.url],
      },
    }));
    const options = { originsOf: (origin: string) => [origin], offline: false, reporter: silentReporter };
    await failure(fetchFiles(store, files, { ...options, backoffMs: 1 }));
    expect(server.ranges.length).toBeLessThan(8 * 4 + 20);
  });

  it.skipIf(process.getuid?.() !== 0)('stops at once on a full disk, and says which', async ({ skip }) => {
    await using dir = await tempFolder();
    const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=200k', 'altee-test', dir.path], {
      reject: false,
    });
    skip(mounted.failed, 'this container may not mount a tmpfs');
    try {
      await using server = await startServer(serve(content));
      const error = await failure(fetchFrom(dir.path, [server.url, server.url]));
      expect(error).toMatchObject({ code: 'disk-full', message: expect.stringContaining(dir.path) });
      expect(server.ranges).toHaveLength(1);
    } finally {
      await execa('umount', [dir.path]);
    }
  });

  it('ends when it is aborted', async () => {
    await using dir = await tempFolder();
    await using server = await startServer(stall(content, 1000));
    const signal = AbortSignal.timeout(100);
    await expect(fetchFrom(dir.path, [server.url], { signal, idleMs: 60_000 })).rejects.toThrow(/timeout/);
  });

  it('takes a file from a vendor folder by its name at the origin, also offline', async () => {
    await using dir = await tempFolder();
    await using vendor = await tempFolder();
    await writeFile(join(vendor.path, 'x_1:2+b_amd64.deb'), content);
    const fetched = fetchFrom(dir.path, ['http://unreachable.invalid/pool/x_1%3a2%2bb_amd64.deb'], {
      vendorDirs: ['/nonexistent', vendor.path],
      offline: true,
    });
    expect(await fetched).toBe(sha256);
  });

  it('warns of a wrong file in a vendor folder and asks the network', async () => {
    await using dir = await tempFolder();
    await using vendor = await tempFolder();
    await writeFile(join(vendor.path, 'some.deb'), 'something else');
    await using server = await startServer(serve(content));
    const { reporter, texts } = warnings();
    const vendorDirs = [vendor.path];
    expect(await fetchFrom(dir.path, [server.url], { vendorDirs, reporter })).toBe(sha256);
    expect(texts[0]).toContain(`Ignored "${join(vendor.path, 'some.deb')}"`);
    expect(await readFile(join(vendor.path, 'some.deb'), 'utf8')).toBe('something else');
  });
});
