import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuilderError } from '../error.ts';
import type { StanzaIndex } from './control.ts';
import { type DebianArchive, type OriginMap, urlsOf } from './origins.ts';

/** A verified Sources index and the archive whose files it lists. */
export interface SourceIndex {
  readonly archive: DebianArchive;
  readonly index: StanzaIndex;
}

/** Mainline's source as Debian carries it. */
export interface KernelSource {
  /** `6.12.107`. */
  readonly version: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** `sha256:` and 64 hex digits. */
  readonly sha256: string;
  /** As in a lock: `debian:pool/…`; of each archive that carries it. */
  readonly origins: readonly string[];
}

/**
 * All `linux_<series>.N.orig.tar.xz` that the indexes list, newest first. Debian's `.orig` is mainline's stable
 * release without the files that are not free, and without Debian's patches.
 */
export function kernelSources(indexes: readonly SourceIndex[], series: string): KernelSource[] {
  const found = new Map<string, KernelSource>();
  const pattern = new RegExp(`^linux_(${series.replaceAll('.', '\\.')}\\.(\\d+))\\.orig\\.tar\\.xz$`);
  for (const { archive, index } of indexes) {
    for (const stanza of index.named('linux')) {
      const directory = stanza.get('directory') ?? '';
      for (const line of (stanza.get('checksums-sha256') ?? '').split('\n')) {
        const [, digest, size, name] = /^([0-9a-f]{64}) ([1-9]\d{0,11}) (\S+)$/.exec(line) ?? [];
        const version = pattern.exec(name ?? '')?.[1];
        if (digest === undefined || name === undefined || version === undefined) continue;
        if (!/^pool(?:\/[a-z0-9][A-Za-z0-9+.-]*)+$/.test(directory)) {
          throw new BuilderError('index-invalid', `Source package "linux" is in the folder "${directory}"`);
        }
        const sha256 = `sha256:${digest}`;
        const origin = `${archive}:${directory}/${name}`;
        const known = found.get(version);
        if (known === undefined) {
          found.set(version, { version, name, sizeBytes: Number(size), sha256, origins: [origin] });
        } else if (known.sha256 === sha256 && !known.origins.includes(origin)) {
          found.set(version, { ...known, origins: [...known.origins, origin] });
        }
      }
    }
  }
  const release = ({ version }: KernelSource) => Number(version.slice(version.lastIndexOf('.') + 1));
  return [...found.values()].sort((a, b) => release(b) - release(a));
}

/**
 * The newest kernel source of a series that can really be had: an index goes on listing a tarball that mirrors
 * no longer carry. Throws `package-not-found` where none can.
 */
export async function findKernelSource(
  indexes: readonly SourceIndex[],
  series: string,
  origins: OriginMap,
  idleMs = 10_000,
): Promise<KernelSource> {
  const candidates = kernelSources(indexes, series);
  const there = await Promise.all(candidates.map((candidate) => isThere(candidate, origins, idleMs)));
  const newest = candidates.find((_, at) => there[at]);
  if (newest !== undefined) return newest;
  const listed = candidates.map(({ version }) => version).join(', ');
  throw new BuilderError(
    'package-not-found',
    `No source of linux ${series} can be had from Debian's archive`,
    {
      hint:
        listed === ''
          ? 'Give "kernel.source" in the manifest: a URL and its SHA-256'
          : 'Use another mirror, or give "kernel.source" in the manifest: a URL and its SHA-256',
      details: [listed === '' ? 'The indexes list none' : `Listed, but on no origin: ${listed}`],
    },
  );
}

async function isThere(
  { name, origins: locked, sizeBytes, sha256 }: KernelSource,
  origins: OriginMap,
  idleMs: number,
): Promise<boolean> {
  if (origins.bundles?.some((bundle) => bundle.has(sha256))) return true;
  for (const dir of origins.vendorDirs) {
    const found = await stat(join(dir, name)).catch(() => undefined);
    if (found?.size === sizeBytes) return true;
  }
  for (const url of locked.flatMap((origin) => urlsOf(origins, origin))) {
    const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(idleMs) }).catch(
      () => undefined,
    );
    if (answer?.ok === true) return true;
  }
  return false;
}
