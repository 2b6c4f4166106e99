import { statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on a free port of this machine that answers the n-th request with the n-th answer, then the last. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** The `Range` header of each request so far, '' without one. */
  readonly ranges: string[];
}

export async function startServer(...answers: readonly Answer[]): Promise<TestServer> {
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(ranges.length, answers.length - 1)];
    ranges.push(request.headers.range ?? '');
    answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ranges,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serves content as a good server does, ranges included. */
export function serve(content: Uint8Array): Answer {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from === 0) response.writeHead(200, { 'content-length': content.length });
    else {
      response.writeHead(206, {
        'content-length': content.length - from,
        'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      });
    }
    response.end(content.subarray(from));
  };
}

/** Answers with a status and nothing else. */
export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(code, headers).end();
}

/**
 * Sends so many bytes of the content, honouring a range, then breaks the connection; not before they are in the file
 * `partial`, since a client may drop what it had not yet read when the connection breaks.
 */
export function breakOff(content: Uint8Array, count: number, partial: string): Answer {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from === 0 ? 200 : 206, {
      'content-length': content.length - from,
      ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    response.write(content.subarray(from, from + count));
    const timer = setInterval(() => {
      if ((statSync(partial, { throwIfNoEntry: false })?.size ?? 0) < from + count) return;
      clearInterval(timer);
      response.destroy();
    }, 5);
    response.once('close', () => clearInterval(timer));
  };
}

/** Sends the beginning of the content, then nothing more. */
export function stall(content: Uint8Array, after: number): Answer {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, after));
  };
}
