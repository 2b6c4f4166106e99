import { setTimeout as sleep } from 'node:timers/promises';
import { BuilderError } from '../error.ts';

export interface FetchLimits {
  readonly maxBytes: number;
  /** A server that sends nothing for so long is given up. */
  readonly idleMs?: number;
  /** Waits before the second, third, … try of a URL whose server was busy or whose connection broke. */
  readonly retryMs?: readonly number[];
}

const defaults = { idleMs: 20_000, retryMs: [300, 1_500] };

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
      return await accept(bytes, url);
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

/** A failure that another try may mend. */
class TransientError extends BuilderError {}

async function fetchWithRetries(url: string, limits: FetchLimits): Promise<Uint8Array> {
  for (const wait of limits.retryMs ?? defaults.retryMs) {
    try {
      return await fetchBounded(url, limits);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await sleep(wait);
    }
  }
  return fetchBounded(url, limits);
}

async function fetchBounded(
  url: string,
  { maxBytes, idleMs = defaults.idleMs }: FetchLimits,
): Promise<Uint8Array> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), idleMs);
  try {
    const response = await fetch(url, { signal: stalled.signal, redirect: 'follow' });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      const Failure = response.status >= 500 || response.status === 429 ? TransientError : BuilderError;
      throw new Failure('download-failed', `${url} answers ${response.status} ${response.statusText}`.trim());
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      timer.refresh();
      size += chunk.length;
      if (size > maxBytes) {
        throw new BuilderError('download-failed', `${url} sends more than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } catch (error) {
    if (error instanceof BuilderError) throw error;
    const why = stalled.signal.aborted
      ? `sends nothing for ${idleMs / 1000} s`
      : `cannot be read: ${causeOf(error)}`;
    throw new TransientError('download-failed', `${url} ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
    // Whatever ended the loop early must not leave the connection open.
    stalled.abort();
  }
}

/** `fetch` says "fetch failed"; what failed is in the cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
