import { setTimeout as sleep } from 'node:timers/promises';
import { BuilderError } from '../error.ts';
import { TryFailure } from './failure.ts';
import { type ReceiveOptions, receive, type Wanted } from './receive.ts';

export interface DownloadOptions extends ReceiveOptions {
  /** Tries of one URL while its failures may pass. */
  readonly attempts: number;
  /** Wait before the second try; each further one is twice as long. */
  readonly backoffMs: number;
  /** Hosts that failed all tries of some file: from then on they are asked last, and once a file. Shared by all downloads. */
  readonly failingHosts: Set<string>;
  /** Called for each URL that served something else than the file. */
  readonly onLie: (url: string, reason: string) => void;
  /** Called for each URL that did not serve the file, where another one did. */
  readonly onSkip: (url: string, reason: string) => void;
}

/**
 * Gets a file from the first of `urls` that serves it, into `partial`. A URL is tried again after network errors, stalls and 5xx,
 * and left for the next one after other answers and wrong bytes.
 *
 * Throws `digest-mismatch` when all that any of them served was wrong, else `download-failed`; `details` names each
 * URL with its reason.
 */
export async function download(
  urls: readonly string[],
  partial: string,
  wanted: Wanted,
  options: DownloadOptions,
): Promise<void> {
  const failures: { url: string; failure: TryFailure }[] = [];
  for (const url of healthyFirst(urls, options.failingHosts)) {
    const failure = await tryUrl(url, partial, wanted, options);
    if (failure === undefined) {
      const skipped = failures.filter((one) => one.failure.kind !== 'lying');
      for (const one of skipped) options.onSkip(one.url, one.failure.message);
      return;
    }
    failures.push({ url, failure });
    if (failure.kind === 'lying') options.onLie(url, failure.message);
  }
  const lies = failures.length > 0 && failures.every(({ failure }) => failure.kind === 'lying');
  throw new BuilderError(lies ? 'digest-mismatch' : 'download-failed', 'No origin serves it', {
    hint: lies
      ? 'The file was changed at its origin; if that is right, run "altee lock --update"'
      : 'Check the network; ALTEE_DEBIAN_MIRROR can name another mirror, ALTEE_VENDOR a folder with the files',
    details: failures.map(({ url, failure }) => `${url}: ${failure.message}`),
  });
}

/** A dead mirror must not be waited for once a file, while others answer. */
function healthyFirst(urls: readonly string[], failingHosts: ReadonlySet<string>): string[] {
  const fails = (url: string) => failingHosts.has(hostOf(url));
  return [...urls.filter((url) => !fails(url)), ...urls.filter(fails)];
}

/** Host and port of a URL; empty for what is none. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

/** Nothing if the URL served the file, else its last failure. */
async function tryUrl(
  url: string,
  partial: string,
  wanted: Wanted,
  options: DownloadOptions,
): Promise<TryFailure | undefined> {
  const { failingHosts, backoffMs, signal } = options;
  const host = hostOf(url);
  for (let attempt = 1; ; attempt++) {
    try {
      await receive(url, partial, wanted, options);
      failingHosts.delete(host);
      return undefined;
    } catch (error) {
      if (!(error instanceof TryFailure)) throw error;
      if (error.kind !== 'again') return error;
      if (attempt >= options.attempts || failingHosts.has(host)) {
        failingHosts.add(host);
        return error;
      }
      const wait = error.waitMs ?? backoffMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
      await sleep(wait, undefined, signal === undefined ? {} : { signal });
    }
  }
}
