import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Lock } from '@altee/manifest';
import type { OriginMap } from '../debian/origins.ts';
import { findKernelSource, type SourceIndex } from '../debian/sources.ts';
import { BuilderError } from '../error.ts';
import { reasonOf } from '../fetch/failure.ts';
import { fetchFiles } from '../fetch/fetch-files.ts';
import type { Reporter } from '../report.ts';
import type { Store } from '../store/store.ts';
import type { LockRequest } from './request.ts';

/** A kernel source has 150 MB. */
const MAX_SOURCE_BYTES = 2 ** 30;
const ANSWER_MS = 20_000;

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
  const found = await findKernelSource(indexes, seriesOf(line), origins);
  const { version, name, sizeBytes: size, sha256 } = found;
  return { line, version, name, size, sha256, origins: [...found.origins] };
}

/**
 * A source given by URL and digest. Its size is asked from the server; then it is fetched into the store, since
 * only its digest tells whether URL, size and digest belong together.
 *
 * Throws `download-failed` or `digest-mismatch`.
 */
export async function lockGivenKernel(
  line: string,
  { url, sha256 }: NonNullable<LockRequest['kernel']['source']>,
  { store, reporter }: { readonly store: Store; readonly reporter: Reporter },
): Promise<Lock['kernel']> {
  const name = basename(new URL(url).pathname);
  const version = /(\d+\.\d+(?:\.\d+)?(?:-rc\d+)?)/.exec(name)?.[1] ?? seriesOf(line);
  const present = await store.hasFile(sha256);
  const origins = kernelOrigins(url);
  const size = present ? (await stat(store.filePath(sha256))).size : await sizeOf(url);
  const file = { size, sha256, origins };
  const originsOf = (origin: string) => [origin];
  await fetchFiles(store, [{ name, file }], { originsOf, offline: false, reporter, title: `Fetch ${name}` });
  return { line, version, name, ...file };
}

/**
 * Hosts that serve the same tree below `/pub/` (https://www.kernel.org/category/mirrors.html, "Official kernel.org
 * mirrors"): a lock names both, so that a build does not hang on one of them.
 */
const KERNEL_ORG = ['cdn.kernel.org', 'mirrors.edge.kernel.org'] as const;

/** Where a kernel source of that URL can be had. */
export function kernelOrigins(url: string): string[] {
  const { protocol, host, pathname, search } = new URL(url);
  const known =
    (KERNEL_ORG as readonly string[]).includes(host) && pathname.startsWith('/pub/') && search === '';
  const others = known ? KERNEL_ORG.filter((other) => other !== host) : [];
  return [url, ...others.map((other) => `${protocol}//${other}${pathname}`)];
}

/** The size of a file on a server, in bytes. */
async function sizeOf(url: string): Promise<number> {
  const failed = (reason: string, cause?: unknown) =>
    new BuilderError('download-failed', `Cannot tell the size of ${url}: ${reason}`, {
      hint: 'Check "kernel.source.url" in the manifest, and the network',
      ...(cause === undefined ? {} : { cause }),
    });
  let response: Response;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    response = await fetch(url, { method: 'HEAD', signal, headers: { 'accept-encoding': 'identity' } });
  } catch (cause) {
    throw failed(reasonOf(cause), cause);
  }
  if (!response.ok) throw failed(`HTTP ${response.status} ${response.statusText}`.trim());
  const size = Number(response.headers.get('content-length') ?? Number.NaN);
  if (!(size > 0)) throw failed('the server does not say');
  if (size > MAX_SOURCE_BYTES) throw failed(`${size} bytes is more than a kernel source has`);
  return size;
}
