import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runProject, silentReporter } from '@altee/builder';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleFolder } from './support/examples.ts';

/** The network service of `examples/http`, reached through a port of this machine's loopback. */
let folder: string;
let port: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'altee-http-'));
  port = await freePort();
  await cp(exampleFolder('http'), folder, { recursive: true, filter: (path) => !path.includes('/dist') });
  // The port is no part of what is built or measured: only the machine's side of it changes.
  const manifest = await readFile(join(folder, 'altee.yaml'), 'utf8');
  await writeFile(join(folder, 'altee.yaml'), manifest.replace('host: 8080', `host: ${port}`));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('runProject() of a service', () => {
  it('forwards a port to the app, and the TPM holds what was predicted when the machine is stopped', async () => {
    const stop = new AbortController();
    const running = runProject({
      manifestFile: join(folder, 'altee.yaml'),
      frozen: true,
      offline: false,
      vendorDirs: [],
      reporter: silentReporter,
      signal: stop.signal,
      timeoutSeconds: 240,
      onConsole: () => {},
    });
    const answer = await Promise.race([
      get(`http://127.0.0.1:${port}/`, 240_000),
      running.then(({ machine }) => `the machine ended: ${machine.end}\n${machine.console.join('\n')}`),
    ]);
    stop.abort();
    const result = await running;
    expect(answer).toContain('200 ');
    expect(result.machine.end).toBe('stopped');
    expect(result.registers.filter(({ status }) => status === 'different')).toEqual([]);
    expect(result.asPredicted).toBe(true);
  });
});

async function get(url: string, patienceMs: number): Promise<string> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    if (answer) return `${answer.status} ${await answer.text()}`;
    if (Date.now() > until) return 'no answer';
    await delay(500);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
