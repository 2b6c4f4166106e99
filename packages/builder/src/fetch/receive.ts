import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { ifPresent } from '../store/errno.ts';
import { reasonOf, TryFailure } from './failure.ts';
import { request } from './request.ts';

/** What is wanted. */
export interface Wanted {
  /** 64 hex digits. */
  readonly hex: string;
  /** Bytes. */
  readonly size: number;
}

export interface ReceiveOptions {
  /** A server that sends nothing for so long has stalled. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
  /** Bytes that are there now, which falls when a try begins from the start. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * One try to get a file from one URL into `partial`, from where the last try broke off. Resolves when its size and
 * digest are right; what a broken try got stays for the next one, wrong bytes don't.
 *
 * Throws {@link TryFailure}: `lying` when the server's bytes are wrong, too many or announced as too many.
 */
export async function receive(
  url: string,
  partial: string,
  wanted: Wanted,
  options: ReceiveOptions,
): Promise<void> {
  const before = (await ifPresent(stat(partial)))?.size ?? 0;
  const usable = before <= wanted.size ? before : 0;
  if (usable > 0 && (await resume(url, partial, usable, wanted, options))) return;
  await transfer(url, partial, 0, wanted, options);
}

/** False when what was there and what came don't fit together: which of the two is wrong only a full try tells. */
async function resume(
  url: string,
  partial: string,
  from: number,
  wanted: Wanted,
  options: ReceiveOptions,
): Promise<boolean> {
  try {
    await transfer(url, partial, from, wanted, options);
    return true;
  } catch (error) {
    if (error instanceof TryFailure && error.kind === 'lying') return false;
    throw error;
  }
}

async function transfer(
  url: string,
  partial: string,
  from: number,
  wanted: Wanted,
  options: ReceiveOptions,
): Promise<void> {
  const { idleMs, onBytes } = options;
  const stalled = new AbortController();
  const idle = setTimeout(() => stalled.abort(), idleMs);
  const signals = options.signal === undefined ? [stalled.signal] : [stalled.signal, options.signal];
  try {
    const offset = from < wanted.size ? from : 0;
    const response = from === wanted.size ? undefined : await request(url, offset, AbortSignal.any(signals));
    const start = response === undefined ? from : startOf(response, offset, wanted);
    const hash = createHash('sha256');
    if (start > 0) {
      for await (const chunk of createReadStream(partial) as AsyncIterable<Buffer>) hash.update(chunk);
    }
    let size = start;
    onBytes(size);
    const file = await open(partial, start > 0 ? 'a' : 'w', 0o644);
    try {
      for await (const chunk of response?.body ?? []) {
        idle.refresh();
        size += chunk.length;
        if (size > wanted.size) throw new TryFailure('lying', `it sent more than ${wanted.size} bytes`);
        hash.update(chunk);
        await file.writeFile(chunk);
        onBytes(size);
      }
    } finally {
      await file.close();
    }
    if (size < wanted.size) throw new TryFailure('again', `it ended after ${size} of ${wanted.size} bytes`);
    const got = hash.digest('hex');
    if (got !== wanted.hex) throw new TryFailure('lying', `its SHA-256 is ${got}, not ${wanted.hex}`);
  } catch (error) {
    if (error instanceof TryFailure && error.kind === 'lying') await rm(partial, { force: true });
    if (error instanceof TryFailure || options.signal?.aborted || isOurs(error)) throw error;
    throw new TryFailure(
      'again',
      stalled.signal.aborted ? `it sent nothing for ${idleMs / 1000} s` : reasonOf(error),
    );
  } finally {
    clearTimeout(idle);
    stalled.abort();
  }
}

/** Where the body begins in the file; throws where server and lock disagree about the size. */
function startOf(response: Response, offset: number, wanted: Wanted): number {
  const { status, headers } = response;
  const encoded = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  const length = encoded ? Number.NaN : Number(headers.get('content-length') ?? Number.NaN);
  if (status === 416) throw new TryFailure('lying', `it has fewer than ${offset} bytes`);
  if (status === 200) {
    if (Number.isNaN(length) || length === wanted.size) return 0;
    throw new TryFailure('lying', `its file has ${length} bytes instead of ${wanted.size}`);
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (offset === 0 || range === null || Number(range[1]) !== offset) {
    throw new TryFailure('lying', 'it answered with another range than was asked for');
  }
  if (range[2] !== '*' && Number(range[2]) !== wanted.size) {
    throw new TryFailure('lying', `its file has ${range[2]} bytes instead of ${wanted.size}`);
  }
  return offset;
}

/** An error of this machine's file system, which no other origin mends; the network's come as causes of a TypeError. */
function isOurs(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
