import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../builder/test/temp.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function start(args: readonly string[], cache: string, stdout: 'pipe' | number) {
  return spawn(
    process.execPath,
    ['--conditions=altee:source', '--import', import.meta.resolve('tsx'), MAIN, ...args],
    { stdio: ['ignore', stdout, 'pipe'], env: { ...process.env, ALTEE_CACHE: cache } },
  );
}

async function endOf(child: ChildProcess): Promise<[exitCode: number, stderr: string]> {
  if (child.stderr === null) throw new Error('Its standard error is not piped');
  const [[exitCode], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  return [exitCode, stderr];
}

describe('The process', () => {
  it('ends well when its reader has seen enough', async () => {
    await using dir = await tempFolder();
    const child = start(['cache'], dir.path, 'pipe');
    child.stdout?.destroy();
    const [exitCode, stderr] = await endOf(child);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('ends with 1 when its output can not be written', async () => {
    await using dir = await tempFolder();
    const full = await open('/dev/full', 'w');
    const child = start(['cache'], dir.path, full.fd);
    const [exitCode, stderr] = await endOf(child);
    await full.close();
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: Cannot write the output: ENOSPC.*\n$/);
  });
});
