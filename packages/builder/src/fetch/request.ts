import { TryFailure } from './failure.ts';

const MAX_REDIRECTS = 5;
/** Longest wait that a server's Retry-After is followed. */
const MAX_RETRY_AFTER_MS = 30_000;

/**
 * Asks for a URL, from byte `offset` on. Follows redirects to http(s), never from https to http. Gives the
 * response with status 200, 206 or 416. Throws {@link TryFailure}: `again` for 408, 429 and 5xx, `next` for the rest.
 */
export async function request(url: string, offset: number, signal: AbortSignal): Promise<Response> {
  let target = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(target, {
      redirect: 'manual',
      signal,
      // The bytes as they are: digests are over them, and ranges count in them.
      headers: { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
    });
    if ([200, 206, 416].includes(response.status)) return response;
    await response.body?.cancel();
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) throw statusFailure(response);
    target = redirectTarget(target, location);
  }
  throw new TryFailure('next', `more than ${MAX_REDIRECTS} redirects`);
}

function redirectTarget(from: string, location: string): string {
  if (!URL.canParse(location, from))
    throw new TryFailure('next', `redirected to "${location}", which is no URL`);
  const target = new URL(location, from);
  const allowed = from.startsWith('https:') ? ['https:'] : ['http:', 'https:'];
  if (!allowed.includes(target.protocol))
    throw new TryFailure('next', `redirected to "${target.origin}", refused`);
  return target.href;
}

function statusFailure({ status, statusText, headers }: Response): TryFailure {
  const again = status === 408 || status === 429 || status >= 500;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const waitMs = seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined;
  return new TryFailure(again ? 'again' : 'next', `HTTP ${status} ${statusText}`.trim(), waitMs);
}
