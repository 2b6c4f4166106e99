import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StanzaIndex } from '../../src/debian/control.ts';
import type { OriginMap } from '../../src/debian/origins.ts';
import { findKernelSource, kernelSources, type SourceIndex } from '../../src/debian/sources.ts';
import { tempFolder } from '../temp.ts';
import { startMirror } from './mirror.ts';

const digest = (digit: string) => digit.repeat(64);

/** A Sources index with these releases of `linux`. */
function sourcesOf(archive: SourceIndex['archive'], directory: string, ...versions: string[]): SourceIndex {
  const stanzas = versions.map((version) =>
    [
      'Package: linux',
      `Version: ${version}-1`,
      `Directory: ${directory}`,
      'Checksums-Sha256:',
      ` ${digest('a')} 4000 linux_${version}-1.dsc`,
      ` ${digest('b')} 150000000 linux_${version}.orig.tar.xz`,
      ` ${digest('c')} 900 linux_${version}-1.debian.tar.xz`,
    ].join('\n'),
  );
  return {
    archive,
    index: new StanzaIndex(new TextEncoder().encode(`${stanzas.join('\n\n')}\n`), 'the test'),
  };
}

const main = sourcesOf('debian', 'pool/main/l/linux', '6.12.94', '6.12.107');
const security = sourcesOf('debian-security', 'pool/updates/main/l/linux', '6.12.107', '6.12.117', '6.1.200');

describe('kernelSources()', () => {
  it('lists a series from all indexes, newest first, with each archive that carries it', () => {
    const found = kernelSources([main, security], '6.12');
    expect(found.map(({ version }) => version)).toEqual(['6.12.117', '6.12.107', '6.12.94']);
    expect(found[1]).toEqual({
      version: '6.12.107',
      name: 'linux_6.12.107.orig.tar.xz',
      sizeBytes: 150000000,
      sha256: `sha256:${digest('b')}`,
      origins: [
        'debian:pool/main/l/linux/linux_6.12.107.orig.tar.xz',
        'debian-security:pool/updates/main/l/linux/linux_6.12.107.orig.tar.xz',
      ],
    });
  });

  it('does not take 6.120 or 6x12 for 6.12', () => {
    expect(kernelSources([sourcesOf('debian', 'pool/main/l/linux', '6.120.1', '6x12.1')], '6.12')).toEqual(
      [],
    );
  });

  it('refuses a folder outside the pool', () => {
    const hostile = sourcesOf('debian', 'pool/../../etc', '6.12.1');
    expect(() => kernelSources([hostile], '6.12')).toThrow(/is in the folder "pool/);
  });
});

describe('findKernelSource()', () => {
  it('takes the newest that an origin really has', async () => {
    await using mirror = await startMirror(
      new Map([
        ['debian/pool/main/l/linux/linux_6.12.107.orig.tar.xz', Buffer.from('x')],
        ['debian/pool/main/l/linux/linux_6.12.94.orig.tar.xz', Buffer.from('x')],
      ]),
    );
    const origins: OriginMap = {
      vendorDirs: [],
      archives: { debian: [`${mirror.url}/debian`], 'debian-security': [`${mirror.url}/debian-security`] },
    };
    expect((await findKernelSource([main, security], '6.12', origins)).version).toBe('6.12.107');
  });

  it('takes one from a vendor folder, if it has the right size', async () => {
    await using folder = await tempFolder();
    const origins = { vendorDirs: [folder.path], archives: { debian: [], 'debian-security': [] } };
    const [newest] = kernelSources([sourcesOf('debian', 'pool/main/l/linux', '6.12.9')], '6.12');
    const index = sourcesOf('debian', 'pool/main/l/linux', '6.12.9');
    await writeFile(join(folder.path, newest?.name ?? ''), 'too small');
    await expect(findKernelSource([index], '6.12', origins)).rejects.toMatchObject({
      code: 'package-not-found',
    });
    await writeFile(join(folder.path, newest?.name ?? ''), Buffer.alloc(150_000_000));
    expect((await findKernelSource([index], '6.12', origins)).version).toBe('6.12.9');
  });

  it('says which were listed where none can be had, and gives up on a server that stalls', async () => {
    await using mirror = await startMirror(
      new Map([['debian/pool/main/l/linux/linux_6.12.107.orig.tar.xz', () => {}]]),
    );
    const origins = { vendorDirs: [], archives: { debian: [`${mirror.url}/debian`], 'debian-security': [] } };
    await expect(findKernelSource([main], '6.12', origins, 100)).rejects.toMatchObject({
      code: 'package-not-found',
      details: ['Listed, but on no origin: 6.12.107, 6.12.94'],
    });
    await expect(findKernelSource([main], '7.1', origins, 100)).rejects.toMatchObject({
      details: ['The indexes list none'],
    });
  });
});
