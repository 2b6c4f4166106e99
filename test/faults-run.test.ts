import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { tinyElf } from '../packages/builder/test/app/tiny-elf.ts';
import { testPlatformRoot } from '../packages/builder/test/support/root.ts';
import { altee } from '../packages/cli/test/run-altee.ts';
import { testProject } from './support/project.ts';

/** Apps that do not do what they should, each in a machine of its own. */

/** ud2: the processor refuses it, Linux sends SIGILL (4). */
const CRASH = [0x0f, 0x0b];
/** pause(2) for ever: mov eax, 34; syscall; jmp to the first. */
const WAIT = [0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.skipIf(testPlatformRoot() === undefined)('altee run', () => {
  it('says which signal killed an app that crashes, powers off, and still compares', async () => {
    await using project = await testProject({ app: tinyElf({ code: CRASH }) });
    const { exitCode, stdout, stderr } = await altee('run', '--frozen', '--timeout', '300', project.manifest);
    expect(stderr).not.toContain('error');
    expect(stdout).toMatch(/^The machine powered off after .*; app killed by signal 4\b/m);
    expect(stdout).toMatch(/^✓ PCR11 +equal/m);
    expect(stdout).not.toMatch(/^✗/m);
    expect(exitCode).toBe(0);
  });

  it('stops an app that never listens at --timeout, with 1', async () => {
    const port = await freePort();
    await using project = await testProject({
      app: tinyElf({ code: WAIT }),
      manifest: (text) => text.replace('512MiB }', `512MiB, forward: [{ host: ${port}, guest: 80 }] }`),
    });
    const { exitCode, stdout } = await altee(
      'run',
      '--frozen',
      '--json',
      '--timeout',
      '20',
      project.manifest,
    );
    expect(exitCode).toBe(1);
    const { end, seconds, appExit } = JSON.parse(stdout);
    expect({ end, appExit }).toEqual({ end: 'timeout', appExit: undefined });
    expect(seconds).toBeGreaterThanOrEqual(20);
    expect(seconds).toBeLessThan(40);
  });

  it('says that the port to forward is taken, with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await using project = await testProject({
      manifest: (text) => text.replace('512MiB }', `512MiB, forward: [{ host: ${port}, guest: 80 }] }`),
    });
    const { exitCode, stderr } = await altee('run', '--frozen', project.manifest);
    server.close();
    expect(exitCode).toBe(1);
    expect(stderr).toContain('in use');
  });
});
