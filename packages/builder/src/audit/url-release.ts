import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { BuilderError } from '../error.ts';
import { reasonOf } from '../fetch/failure.ts';
import type { ReleaseSource } from './open-release.ts';

/** A server that sends nothing for so long has stalled. */
const IDLE_MS = 30_000;

/** The URL of a release, ending in `/`; undefined where the location is a path. Throws `invalid-input` for other schemes. */
export function releaseUrl(location: string): URL | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(location)) return undefined;
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new BuilderError('invalid-input', `Cannot read a release from "${location}"`, {
      hint: 'Give a folder, or a URL that begins with https:// or http://',
    });
  }
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** A release behind a URL. Nothing is ever asked of another origin than the one that was given. */
export class UrlRelease implements ReleaseSource {
  readonly #base: URL;
  readonly #signal: AbortSignal | undefined;

  constructor(base: URL, signal?: AbortSignal) {
    this.#base = base;
    this.#signal = signal;
  }

  async read(name: string, limit: number): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    const found = await this.#get(name, limit, async (chunk) => {
      chunks.push(chunk);
    });
    return found ? new Uint8Array(Buffer.concat(chunks)) : undefined;
  }

  async copy(name: string, to: string, limit: number): Promise<{ sha256: string; size: number } | undefined> {
    const hash = createHash('sha256');
    let size = 0;
    const file = await open(to, 'w', 0o644);
    try {
      const found = await this.#get(name, limit, async (chunk) => {
        hash.update(chunk);
        size += chunk.length;
        await file.writeFile(chunk);
      });
      if (!found) await rm(to, { force: true });
      return found ? { sha256: `sha256:${hash.digest('hex')}`, size } : undefined;
    } finally {
      await file.close();
    }
  }

  /** A web server has no list; what the sums do not name is never asked for. */
  async list(): Promise<undefined> {
    return undefined;
  }

  /** False for 404 and 410. Throws `download-failed` for all else that is no such file. */
  async #get(name: string, limit: number, take: (chunk: Uint8Array) => Promise<void>): Promise<boolean> {
    const url = new URL(name.split('/').map(encodeURIComponent).join('/'), this.#base);
    const failed = (why: string, cause?: unknown) =>
      new BuilderError('download-failed', `Cannot fetch "${url.href}": ${why}`, { cause });
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(new Error('the server stopped sending')), IDLE_MS);
    const signal = this.#signal ? AbortSignal.any([this.#signal, idle.signal]) : idle.signal;
    try {
      // Redirects could lead to the auditor's own network.
      const response = await fetch(url, {
        redirect: 'manual',
        signal,
        headers: { 'accept-encoding': 'identity' },
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        if (response.status === 404 || response.status === 410) return false;
        const redirect = response.status >= 300 && response.status < 400;
        throw failed(redirect ? 'it redirects, which is not followed' : `HTTP ${response.status}`);
      }
      let bytes = 0;
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        bytes += chunk.length;
        if (bytes > limit) throw failed(`it has more than ${limit} bytes`);
        await take(chunk);
      }
      return true;
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof BuilderError) throw error;
      if (error instanceof Error && 'syscall' in error && 'path' in error) throw error;
      throw failed(reasonOf(error), error);
    } finally {
      clearTimeout(timer);
    }
  }
}
