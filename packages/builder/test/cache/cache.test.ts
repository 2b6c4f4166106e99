import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { type CacheFormat, exportCache } from '../../src/cache/export-cache.ts';
import { importCache } from '../../src/cache/import-cache.ts';
import { BuilderError } from '../../src/error.ts';
import { normaliseOutput, treeDigest } from '../../src/executor/output-tree.ts';
import { silentReporter } from '../../src/report.ts';
import { encodeListing, type ListedEntry } from '../../src/root/listing.ts';
import { rootDigest } from '../../src/root/root-digest.ts';
import { Store } from '../../src/store/store.ts';
import { tempFolder } from '../temp.ts';

const reporter = silentReporter;
const keys = { kernel: 'a'.repeat(64), app: 'b'.repeat(64), root: 'c'.repeat(64) };
const kernelName = `output-${keys.kernel}`;

function sha256Of(data: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** An output as `runStep` leaves it. */
async function addOutput(store: Store, key: string, fill: (out: string) => Promise<unknown>): Promise<void> {
  await store.addTree('output', key, async (tree) => {
    await mkdir(join(tree, 'out'));
    await fill(join(tree, 'out'));
    await normaliseOutput(join(tree, 'out'), 'test');
    await writeFile(join(tree, 'digest'), `${await treeDigest(join(tree, 'out'))}\n`);
  });
}

async function fillKernel(out: string): Promise<void> {
  await writeFile(join(out, 'bzImage'), 'a kernel');
  await writeFile(join(out, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  // "bin" and "lib" are merged into usr in packages; here they stay.
  await mkdir(join(out, 'bin/lib'), { recursive: true });
  await mkdir(join(out, 'empty'));
  await writeFile(join(out, 'bin/lib', 'n'.repeat(200)), '');
  await symlink('../bzImage', join(out, 'bin/link'));
}

async function addRoot(store: Store): Promise<void> {
  const file = {
    type: 'file',
    path: 'usr/bin/sh',
    mode: '755',
    size: 1,
    sha256: sha256Of('x').slice(7),
  } as const;
  const directories = ['tmp', 'usr', 'usr/bin'].map(
    (path): ListedEntry => ({ type: 'directory', path, mode: path === 'tmp' ? '1777' : '755' }),
  );
  const entries: ListedEntry[] = [file, ...directories, { type: 'symlink', path: 'bin', target: 'usr/bin' }];
  await store.addTree('root', keys.root, async (tree) => {
    await mkdir(join(tree, 'files/usr/bin'), { recursive: true });
    await mkdir(join(tree, 'files/tmp'));
    await chmod(join(tree, 'files/tmp'), 0o1777);
    await writeFile(join(tree, 'files/usr/bin/sh'), 'x', { mode: 0o555 });
    await symlink('usr/bin', join(tree, 'files/bin'));
    await writeFile(join(tree, 'listing'), encodeListing(entries));
    await writeFile(join(tree, 'digest'), rootDigest(entries));
  });
}

/** A store with two outputs, a root and a note of this machine; and a cache of it in each format. */
async function setUp() {
  const folder = await tempFolder();
  const storeDir = join(folder.path, 'store');
  const store = await Store.open(storeDir);
  await addOutput(store, keys.kernel, fillKernel);
  await addOutput(store, keys.app, (out) => writeFile(join(out, 'app'), 'an application'));
  await addRoot(store);
  await store.addTree('output', 'prediction-x', (tree) => writeFile(join(tree, 'value.json'), '1'));
  const export_ = (format: CacheFormat, to: string, options: { roots?: boolean; mostBytes?: number } = {}) =>
    exportCache({
      reporter,
      storeDir,
      to: join(folder.path, to),
      format,
      roots: true,
      mostBytes: 1e9,
      ...options,
    });
  const into = join(folder.path, 'other');
  const import_ = (from: string) => importCache({ reporter, storeDir: into, from: join(folder.path, from) });
  return {
    path: folder.path,
    store,
    into,
    export_,
    import_,
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

async function refusal(promise: Promise<unknown>): Promise<BuilderError> {
  const error = await promise.then(
    () => new Error('It was accepted'),
    (error: unknown) => error,
  );
  if (!(error instanceof BuilderError)) throw error;
  return error;
}

/** Nothing came in, and nothing lies about. */
async function expectEmpty(dir: string): Promise<void> {
  const store = await Store.open(dir);
  expect(await store.list()).toEqual([]);
  for (const process of await readdir(join(dir, 'tmp')))
    expect((await readdir(join(dir, 'tmp', process))).filter((name) => name.startsWith('work-'))).toEqual([]);
}

describe.each(['folder', 'oci'] as const)('a cache as %s', (format) => {
  it('carries outputs and roots into another store, to the byte, marked as imported', async () => {
    await using test = await setUp();
    const exported = await test.export_(format, 'cache');
    expect(exported.entries.map(({ key }) => key)).toEqual([keys.kernel, keys.app, keys.root]);
    const result = await test.import_('cache');
    expect(result.imported).toHaveLength(3);
    const other = await Store.open(test.into);
    for (const [kind, key] of [
      ['output', keys.kernel],
      ['output', keys.app],
      ['root', keys.root],
    ] as const) {
      const [here, there] = [await test.store.tree(kind, key), await other.tree(kind, key)];
      expect(await treeDigest(there ?? '')).toBe(await treeDigest(here ?? ''));
      expect(await test.store.isImported(kind, key)).toBe(false);
      expect(await other.isImported(kind, key)).toBe(true);
    }
    expect((await other.list()).every(({ imported }) => imported === true)).toBe(true);
    const out = join((await other.tree('output', keys.kernel)) ?? '', 'out');
    expect((await stat(join(out, 'tool'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(out, 'bzImage'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(out, 'bzImage'))).mtimeMs).toBe(0);
    const tmp = join((await other.tree('root', keys.root)) ?? '', 'files/tmp');
    expect((await stat(tmp)).mode & 0o7777).toBe(0o1777);
  });

  it('gives the same bytes for the same trees', async () => {
    await using test = await setUp();
    await test.export_(format, 'one');
    await test.export_(format, 'two');
    expect(await treeDigest(join(test.path, 'one'))).toBe(await treeDigest(join(test.path, 'two')));
  });

  it('brings in nothing a second time, and makes no own output an imported one', async () => {
    await using test = await setUp();
    await test.export_(format, 'cache');
    const again = await importCache({ reporter, storeDir: test.store.dir, from: join(test.path, 'cache') });
    expect(again).toMatchObject({ imported: [], differing: [] });
    expect(again.present).toHaveLength(3);
    expect(await test.store.isImported('output', keys.kernel)).toBe(false);
  });

  it('brings in nothing where an entry was made otherwise here', async () => {
    await using test = await setUp();
    await test.export_(format, 'cache');
    const other = await Store.open(test.into);
    await addOutput(other, keys.kernel, (out) => writeFile(join(out, 'bzImage'), 'another kernel'));
    const result = await test.import_('cache');
    expect(result.imported).toEqual([]);
    expect(result.differing.map(({ name }) => name)).toEqual([kernelName]);
    expect(await other.tree('output', keys.app)).toBeUndefined();
  });

  it('refuses any blob with a changed byte, and any that is cut off or missing', async () => {
    await using test = await setUp();
    await test.export_(format, 'cache');
    const cache = join(test.path, 'cache');
    const blobs = format === 'folder' ? cache : join(cache, 'blobs/sha256');
    for (const name of await readdir(blobs)) {
      const path = join(blobs, name);
      const bytes = await readFile(path);
      const changed = Buffer.from(bytes);
      changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
      for (const content of [changed, bytes.subarray(0, -1), undefined]) {
        await rm(path);
        if (content) await writeFile(path, content);
        const error = await refusal(test.import_('cache'));
        // Without its index it is no cache at all.
        expect(error.code).toBe(name === 'altee-cache.json' && !content ? 'invalid-input' : 'bundle-invalid');
        await expectEmpty(test.into);
      }
      await writeFile(path, bytes);
    }
    expect((await test.import_('cache')).imported).toHaveLength(3);
  });

  it('leaves out what is too large, and roots that nobody asked for', async () => {
    await using test = await setUp();
    const result = await test.export_(format, 'cache', { roots: false, mostBytes: 82 });
    expect(result.entries.map(({ key }) => key)).toEqual([keys.app]);
    expect(result.leftOut).toEqual([{ name: kernelName, bytes: 83 }]);
  });

  it('does not write over what may be somebody’s work, nor export a tree that was changed', async () => {
    await using test = await setUp();
    await mkdir(join(test.path, 'work'));
    await writeFile(join(test.path, 'work/file'), 'work');
    await expect(test.export_(format, 'work')).rejects.toMatchObject({ code: 'invalid-input' });
    const tree = await test.store.tree('output', keys.kernel);
    await writeFile(join(tree ?? '', 'out/bzImage'), 'evil');
    await expect(test.export_(format, 'cache')).rejects.toMatchObject({ code: 'store-corrupt' });
    expect(await readdir(test.path)).toEqual(['store', 'work']);
  });
});

/** A cache of one entry whose index fits this tar; `digest` is what the entry says of itself. */
async function forge(dir: string, tar: Uint8Array, digest: string, kind: 'output' | 'root' = 'output') {
  await mkdir(dir);
  const name = `${kind}-${keys.kernel}`;
  const entry = { kind, key: keys.kernel, digest, tar: { sha256: sha256Of(tar), size: tar.length } };
  await writeFile(join(dir, `${name}.tar`), tar);
  await writeFile(
    join(dir, 'altee-cache.json'),
    `${JSON.stringify({ cacheVersion: 1, entries: [entry] }, undefined, 2)}\n`,
  );
}

type Header = Parameters<ReturnType<typeof pack>['entry']>[0];

async function tarOf(...entries: readonly (Header & { content?: string })[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = '', ...header } of entries) tar.entry(header, content);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('importCache()', () => {
  it.each<[string, (Header & { content?: string })[], RegExp]>([
    ['a path out of it', [{ name: 'out/../../evil', content: 'x' }], /leads out of the root/],
    ['an absolute path', [{ name: '/evil', content: 'x' }], /absolute path/],
    [
      'a link out of it',
      [{ name: 'out/l', type: 'symlink', linkname: '../../evil' }],
      /leads out of the root/,
    ],
    [
      'a file through a link',
      [
        { name: 'out/l', type: 'symlink', linkname: '/etc' },
        { name: 'out/l/passwd', content: 'x' },
      ],
      /symlink/,
    ],
    [
      'a hard link to what is not in it',
      [{ name: 'out/l', type: 'link', linkname: 'etc/passwd' }],
      /hard link/,
    ],
    ['a device', [{ name: 'out/d', type: 'block-device', devmajor: 8, devminor: 0 }], /is a block-device/],
    ['a pipe', [{ name: 'out/p', type: 'fifo' }], /is a fifo/],
    [
      'an entry twice',
      [
        { name: 'out/a', content: 'x' },
        { name: 'out/a', content: 'y' },
      ],
      /twice/,
    ],
    ['a forged digest file', [{ name: 'digest', content: 'x' }], /"digest" does not belong into it/],
    ['something beside', [{ name: 'evil/x', content: 'x' }], /"evil" does not belong into it/],
    ['other content', [{ name: 'out/bzImage', content: 'evil' }], /content of output-a+ is not what it says/],
  ])('refuses an archive with %s', async (_, entries, reason) => {
    await using test = await setUp();
    await forge(join(test.path, 'cache'), await tarOf(...entries), sha256Of('x'));
    const error = await refusal(test.import_('cache'));
    expect(error).toMatchObject({ code: 'bundle-invalid', message: expect.stringMatching(reason) });
    await expectEmpty(test.into);
  });

  it('refuses what is no tar', async () => {
    await using test = await setUp();
    await forge(join(test.path, 'cache'), Buffer.from('no tar'.repeat(1000)), sha256Of('x'));
    expect((await refusal(test.import_('cache'))).code).toBe('bundle-invalid');
    await expectEmpty(test.into);
  });

  it('refuses a root whose listing is not of its files', async () => {
    await using test = await setUp();
    const listing = encodeListing([{ type: 'directory', path: 'usr', mode: '755' }]);
    const digest = rootDigest([{ type: 'directory', path: 'usr', mode: '755' }]);
    const tar = await tarOf({ name: 'files/usr/evil', content: 'x' }, { name: 'listing', content: listing });
    await forge(join(test.path, 'cache'), tar, digest, 'root');
    const error = await refusal(test.import_('cache'));
    expect(error.message).toContain('its listing is not of its files');
    await expectEmpty(test.into);
  });

  it.each<[string, (cache: string) => Promise<unknown>, RegExp]>([
    [
      'an extra file',
      (cache) => writeFile(join(cache, 'extra'), ''),
      /holds "extra", which its index does not name/,
    ],
    [
      'a link for a file',
      async (cache) => {
        await rename(join(cache, `${kernelName}.tar`), join(cache, '../tar'));
        await symlink('../tar', join(cache, `${kernelName}.tar`));
      },
      /is no regular file/,
    ],
    ['an index that is no JSON', (cache) => writeFile(join(cache, 'altee-cache.json'), '{'), /no JSON/],
    [
      'an index of another version',
      (cache) => writeFile(join(cache, 'altee-cache.json'), '{"cacheVersion":2}'),
      /malformed/,
    ],
  ])('refuses a folder with %s', async (_, change, reason) => {
    await using test = await setUp();
    await test.export_('folder', 'cache');
    await change(join(test.path, 'cache'));
    expect((await refusal(test.import_('cache'))).message).toMatch(reason);
    await expectEmpty(test.into);
  });

  it('refuses a key that is a path, and a digest that is none', async () => {
    await using test = await setUp();
    await test.export_('folder', 'cache');
    const index = join(test.path, 'cache/altee-cache.json');
    const text = await readFile(index, 'utf8');
    for (const evil of ['../../evil', '', 'A'.repeat(64)]) {
      await writeFile(index, text.replace(keys.kernel, evil));
      expect((await refusal(test.import_('cache'))).message).toContain('index is malformed');
    }
  });

  it('takes an OCI layout whose layers a registry’s tools have compressed, with other images’ blobs beside', async () => {
    await using test = await setUp();
    await test.export_('oci', 'cache');
    await recompress(join(test.path, 'cache'), (tar) => gzipSync(tar));
    await writeFile(join(test.path, 'cache/blobs/sha256', 'f'.repeat(64)), 'of another image');
    expect((await test.import_('cache')).imported).toHaveLength(3);
  });

  it('refuses a compressed layer that is another tar, or a bomb', async () => {
    await using test = await setUp();
    await test.export_('oci', 'cache');
    await recompress(join(test.path, 'cache'), () => gzipSync(Buffer.alloc(1 << 20)));
    expect((await refusal(test.import_('cache'))).code).toBe('bundle-invalid');
    await expectEmpty(test.into);
  });

  it('refuses an OCI layout of other images', async () => {
    await using test = await setUp();
    await test.export_('oci', 'cache');
    const index = join(test.path, 'cache/index.json');
    for (const text of [
      '{',
      '{}',
      '{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:..","size":1}]}',
    ]) {
      await writeFile(index, text);
      expect((await refusal(test.import_('cache'))).code).toBe('bundle-invalid');
    }
    const other = { mediaType: 'application/x', digest: sha256Of('x'), size: 1 };
    await writeFile(index, JSON.stringify({ schemaVersion: 2, manifests: [other] }));
    expect((await refusal(test.import_('cache'))).message).toContain('something of the type "application/x"');
  });

  it('says where there is no cache', async () => {
    await using test = await setUp();
    for (const from of ['none', 'store'])
      expect((await refusal(test.import_(from))).code).toBe('invalid-input');
  });
});

/** What `skopeo copy` to a registry does: each layer compressed, manifests and indexes written anew. */
async function recompress(cache: string, compress: (tar: Uint8Array) => Uint8Array): Promise<void> {
  const blob = (digest: string) => join(cache, 'blobs/sha256', digest.slice('sha256:'.length));
  const add = async (bytes: Uint8Array) => {
    await writeFile(blob(sha256Of(bytes)), bytes);
    return { digest: sha256Of(bytes), size: bytes.length };
  };
  const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const top = await json(join(cache, 'index.json'));
  const index = await json(blob(top.manifests[0].digest));
  for (const each of index.manifests) {
    const manifest = await json(blob(each.digest));
    const [layer] = manifest.layers;
    const compressed = compress(await readFile(blob(layer.digest)));
    await rm(blob(layer.digest), { force: true });
    manifest.layers = [{ mediaType: `${layer.mediaType}+gzip`, ...(await add(compressed)) }];
    Object.assign(each, await add(Buffer.from(JSON.stringify(manifest))));
  }
  Object.assign(top.manifests[0], await add(Buffer.from(JSON.stringify(index))));
  await writeFile(join(cache, 'index.json'), JSON.stringify(top));
}
