import { setTimeout as sleep } from 'node:timers/promises';
import { BuilderError } from '../error.ts';
import { reasonOf, TryFailure } from '../fetch/failure.ts';
import { request } from '../fetch/request.ts';

/** How long to wait for servers. */
export interface Patience {
  /** A server that sends nothing for so long is given up. */
  readonly idleMs?: number;
  /** Tries of a URL whose server is busy or whose connection breaks. */
  readonly attempts?: number;
  /** Wait before the second try; each further one is twice as long. */
  readonly backoffMs?: number;
}

export interface FetchLimits extends Patience {
  readonly maxBytes: number;
  /** Told once something was accepted: the URLs that were passed over on the way there, and why. */
  readonly onPassedOver?: (url: string, error: BuilderError, refused: boolean) => void;
}

const IDLE_MS = 20_000;
const ATTEMPTS = 3;
const BACKOFF_MS = 400;

/**
 * Gives what `accept` makes of the first URL whose bytes it accepts. `accept` throws for bytes that it does not
 * trust: a mirror that lies, lags behind or is down is passed over, and named if all fail.
 *
 * Throws the first refusal of `accept` if there was one, else `download-failed`; `details` says how each URL
 * failed.
 */
export async function fetchFirst<T>(
  what: string,
  urls: readonly string[],
  limits: FetchLimits,
  accept: (bytes: Uint8Array, url: string) => T | Promise<T>,
): Promise<T> {
  const failures: { url: string; error: BuilderError; refused: boolean }[] = [];
  for (const url of urls) {
    let refused = false;
    try {
      const bytes = await fetchWithRetries(url, limits);
      refused = true;
      const accepted = await accept(bytes, url);
      for (const failure of failures) limits.onPassedOver?.(failure.url, failure.error, failure.refused);
      return accepted;
    } catch (error) {
      if (!(error instanceof BuilderError)) throw error;
      failures.push({ url, error, refused });
    }
  }
  const worst = failures.find(({ refused }) => refused) ?? failures[0];
  if (worst === undefined) throw new BuilderError('download-failed', `No origin to fetch ${what} from`);
  const others = failures.filter((failure) => failure !== worst);
  throw new BuilderError(worst.error.code, worst.refused ? worst.error.message : `Cannot fetch ${what}`, {
    hint:
      worst.refused && worst.error.hint !== undefined
        ? worst.error.hint
        : 'Set ALTEE_DEBIAN_MIRROR to a Debian mirror that this machine can reach',
    details: [
      ...(worst.refused ? worst.error.details : [worst.error.message]),
      ...others.map(({ error }) => `Also: ${error.message}`),
    ],
    cause: worst.error,
  });
}

async function fetchWithRetries(url: string, limits: FetchLimits): Promise<Uint8Array> {
  const { attempts = ATTEMPTS, backoffMs = BACKOFF_MS } = limits;
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchBounded(url, limits);
    } catch (error) {
      if (!(error instanceof TryFailure)) throw error;
      if (error.kind !== 'again' || attempt >= attempts) {
        throw new BuilderError('download-failed', `${url}: ${error.message}`, { cause: error });
      }
      await sleep(error.waitMs ?? backoffMs * 2 ** (attempt - 1));
    }
  }
}

async function fetchBounded(url: string, { maxBytes, idleMs = IDLE_MS }: FetchLimits): Promise<Uint8Array> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), idleMs);
  try {
    const response = await request(url, 0, stalled.signal);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      size += chunk.length;
      if (size > maxBytes) throw new TryFailure('next', `it sent more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } catch (error) {
    if (error instanceof TryFailure) throw error;
    const reason = stalled.signal.aborted ? `it sent nothing for ${idleMs / 1000} s` : reasonOf(error);
    throw new TryFailure('again', reason);
  } finally {
    clearTimeout(timer);
    // Whatever ended the loop early must not leave the connection open.
    stalled.abort();
  }
}
