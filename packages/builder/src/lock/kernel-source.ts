import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Lock } from '@altee/manifest';
import type { OriginMap } from '../debian/origins.ts';
import { findKernelSource, type SourceIndex } from '../debian/sources.ts';
import { BuilderError } from '../error.ts';
import type { Store } from '../store/store.ts';
import type { LockRequest } from './request.ts';

/** A kernel source has 150 MB. */
const maxSourceBytes = 1 << 30;
const idleMs = 30_000;

/** The series that a kernel line is of: `6.12` for `linux-6.12`. */
export function seriesOf(line: string): string {
  const series = /^linux-(\d+\.\d+)$/.exec(line)?.[1];
  if (series !== undefined) return series;
  throw new BuilderError('invalid-input', `Kernel line "${line}" names no series of releases`, {
    hint: 'Give "kernel.source" in the manifest: a URL and its SHA-256',
  });
}

/** The newest source of the line that Debian's archive has. */
export async function lockDebianKernel(
  line: string,
  indexes: readonly SourceIndex[],
  origins: OriginMap,
): Promise<Lock['kernel']> {
  const { version, name, sizeBytes, sha256, origin } = await findKernelSource(
    indexes,
    seriesOf(line),
    origins,
  );
  return { line, version, name, size: sizeBytes, sha256, origins: [origin] };
}

/**
 * A source given by URL and digest: downloaded, since nothing else tells its size, and kept in the store.
 * Throws `download-failed` or `digest-mismatch`.
 */
export async function lockGivenKernel(
  line: string,
  { url, sha256 }: NonNullable<LockRequest['kernel']['source']>,
  store: Store,
): Promise<Lock['kernel']> {
  const name = basename(new URL(url).pathname);
  const version = /(\d+\.\d+(?:\.\d+)?(?:-rc\d+)?)/.exec(name)?.[1] ?? seriesOf(line);
  if (!(await store.hasFile(sha256))) await download(url, sha256, store);
  const { size } = await stat(store.filePath(sha256));
  return { line, version, name, size, sha256, origins: [url] };
}

async function download(url: string, sha256: string, store: Store): Promise<void> {
  const temp = await store.tempDir();
  try {
    const path = join(temp.path, 'source');
    const { actual, size } = await stream(url, path);
    if (actual !== sha256) {
      throw new BuilderError('digest-mismatch', `${url} is not the kernel source that the manifest names`, {
        hint: 'Check "kernel.source.sha256", and whether the server can be trusted',
        details: [`wanted: ${sha256}`, `got: ${actual}, ${size} bytes`],
      });
    }
    await store.addFile(sha256, size, (to) => copyFile(path, to));
  } finally {
    await temp.dispose();
  }
}

async function stream(url: string, path: string): Promise<{ actual: string; size: number }> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), idleMs);
  const hash = createHash('sha256');
  let size = 0;
  try {
    const response = await fetch(url, { signal: stalled.signal });
    if (!response.ok || response.body === null) {
      throw new BuilderError(
        'download-failed',
        `${url} answers ${response.status} ${response.statusText}`.trim(),
      );
    }
    const measured = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        timer.refresh();
        size += chunk.length;
        if (size > maxSourceBytes) throw new BuilderError('download-failed', `${url} sends more than 1 GiB`);
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(response.body as AsyncIterable<Uint8Array>, measured, createWriteStream(path));
    return { actual: `sha256:${hash.digest('hex')}`, size };
  } catch (cause) {
    if (cause instanceof BuilderError) throw cause;
    const why = stalled.signal.aborted ? `nothing came for ${idleMs / 1000} s` : String(cause);
    throw new BuilderError('download-failed', `Cannot fetch ${url}: ${why}`, { cause });
  } finally {
    clearTimeout(timer);
    stalled.abort();
  }
}
