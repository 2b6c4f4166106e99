import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executor, Step } from '../../src/executor/executor.ts';
import { hardeningCheck } from '../../src/kernel/hardening-check.ts';
import { silentReporter } from '../../src/report.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { Store } from '../../src/store/store.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'altee-hardening-'));
  await writeFile(join(dir, 'config'), 'CONFIG_SMP=y\n');
});
afterAll(() => removeTree(dir));

/** Answers with a report; the checker itself runs in the end-to-end tests. */
function reporting(report: string): Executor & { steps: Step[] } {
  const steps: Step[] = [];
  return {
    name: 'sandbox',
    steps,
    check: async () => {},
    execute: async (step, io) => {
      steps.push(step);
      await writeFile(join(io.outDir, 'report.json'), report);
    },
  };
}

async function check(executor: Executor, sysctls?: string) {
  const root = { digest: `sha256:${'4'.repeat(64)}`, path: '/nowhere' };
  const store = await Store.open(await mkdtemp(join(dir, 'store-')));
  return hardeningCheck(
    { executor, store, root, reporter: silentReporter },
    {
      line: 'linux-6.12',
      config: join(dir, 'config'),
      cmdline: 'quiet $(reboot) "x"',
      ...(sysctls === undefined ? {} : { sysctls }),
      aspects: { network: true, initOnFree: true, exceptions: [] },
    },
  );
}

const failure = (option: string) => ({
  option_name: option,
  type: 'kconfig',
  desired_val: 'y',
  check_result: 'FAIL: is not found',
  check_result_bool: false,
});

describe('hardeningCheck()', () => {
  it('compares the report with the reasons of the kernel line', async () => {
    const report = [failure('CONFIG_KSTACK_ERASE'), failure('CONFIG_VMAP_STACK')];
    const verdict = await check(reporting(JSON.stringify(report)));
    expect(verdict.unexplained.map((one) => one.option)).toEqual(['CONFIG_VMAP_STACK']);
    expect(verdict.stale.map((one) => one.option)).toContain('CONFIG_GCC_PLUGIN_LATENT_ENTROPY');
    expect(verdict.stale.map((one) => one.option)).not.toContain('CONFIG_SYN_COOKIES');
  });

  it('hands command line and sysctls over as data, never as script', async () => {
    const executor = reporting(JSON.stringify([failure('CONFIG_A')]));
    await check(executor, "kernel.x = '; reboot\n");
    const [step] = executor.steps;
    expect(step?.env).toEqual({ KERNEL_CMDLINE: 'quiet $(reboot) "x"', SYSCTLS: "kernel.x = '; reboot\n" });
    expect(step?.script).not.toContain('reboot');
    expect(step?.script).toContain('--sysctl');
  });

  it('checks no sysctls where there are none', async () => {
    const executor = reporting(JSON.stringify([failure('CONFIG_A')]));
    await check(executor);
    expect(executor.steps[0]?.script).not.toContain('--sysctl');
  });

  it('refuses a report that is cut off', async () => {
    await expect(check(reporting('[{"option_name": "CONF'))).rejects.toMatchObject({ code: 'step-failed' });
  });
});
