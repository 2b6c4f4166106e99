import { mkdtemp, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunOptions, runImage } from '../packages/builder/src/run/run.ts';
import { removeTree } from '../packages/builder/src/store/remove-tree.ts';
import { testPlatformRoot } from '../packages/builder/test/support/root.ts';

const root = testPlatformRoot() ?? { digest: '', path: '' };

let base: string;
let options: RunOptions;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'altee-machine-'));
  // What is left behind must be ours, and not of a test that runs beside this one.
  vi.stubEnv('TMPDIR', base);
  const disk = join(base, 'empty.disk');
  await writeFile(disk, '');
  await truncate(disk, 16 << 20);
  options = { root, disk, vcpus: 1, memoryBytes: 256 << 20, accelerator: 'tcg', timeoutSeconds: 120 };
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await removeTree(base);
});

async function runFolders(): Promise<string[]> {
  return (await readdir(base)).filter((name) => name.startsWith('altee-run-'));
}

/** Processes of machines that see our folder, whoever their parent is by now. */
async function machines(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    if (/^(qemu-system|swtpm)/.test(line) && mounts.includes(basename(base))) found.push(line);
  }
  return found;
}

describe.skipIf(testPlatformRoot() === undefined)('runImage()', () => {
  it('boots the firmware, shows its console, and knows what the TPM got when it is stopped', async () => {
    const running: number[] = [];
    const abort = new AbortController();
    const shown: string[] = [];
    const result = await runImage({
      ...options,
      banks: ['sha256', 'sha384'],
      signal: abort.signal,
      onConsole: (line) => {
        shown.push(line);
        // The firmware has measured the start of its shell by then.
        if (line.includes('UEFI Interactive Shell'))
          void machines().then(({ length }) => {
            running.push(length);
            abort.abort();
          });
      },
    });
    expect(result.end).toBe('stopped');
    expect(shown).toEqual(result.console);
    expect(shown.join('\n')).toMatch(/^BdsDxe: starting Boot/m);
    expect(result.tpm.uninterpreted).toEqual([]);
    expect(result.tpm.banks).toEqual(['sha256', 'sha384']);
    // PCR 2, 3 and 6 hold a separator alone: SHA-256 of 32 zero bytes and SHA-256 of four zero bytes.
    const separator = '3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969';
    expect([2, 3, 6].map((pcr) => result.tpm.pcrs.sha256?.[pcr])).toEqual([separator, separator, separator]);
    expect(result.appExit).toBeUndefined();
    expect(running[0]).toBeGreaterThan(0);
    expect(await runFolders()).toEqual([]);
    expect(await machines()).toEqual([]);
  });

  it('ends at the time limit with what the TPM got until then', async () => {
    const result = await runImage({ ...options, timeoutSeconds: 3 });
    expect(result.end).toBe('timeout');
    expect(result.seconds).toBeLessThan(30);
    expect(result.tpm.uninterpreted).toEqual([]);
  });

  it('says that a forwarded port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const hostPort = typeof address === 'object' && address !== null ? address.port : 0;
    const forwards = [{ protocol: 'tcp', hostPort, guestPort: 80 }] as const;
    await expect(runImage({ ...options, network: { forwards } })).rejects.toMatchObject({
      code: 'machine-failed',
      hint: expect.stringContaining('in use'),
    });
    server.close();
  });

  it('shows what QEMU says where it can not start', async () => {
    await expect(runImage({ ...options, memoryBytes: 2 ** 50 })).rejects.toMatchObject({
      code: 'machine-failed',
      details: expect.arrayContaining([expect.stringMatching(/qemu-system-x86_64: /)]),
    });
  });

  it('refuses a disk that is not there', async () => {
    await expect(runImage({ ...options, disk: join(base, 'none') })).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  it('does nothing for a caller that has given up already', async () => {
    const result = await runImage({ ...options, signal: AbortSignal.abort() });
    expect(result.end).toBe('stopped');
  });
});
