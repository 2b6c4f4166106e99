import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executor, Step, StepIo } from '../../src/executor/executor.ts';
import { buildKernel, configureKernel, type KernelInput } from '../../src/kernel/build-kernel.ts';
import { randstructSeed } from '../../src/kernel/build-step.ts';
import { loadKernelLine } from '../../src/kernel/kernel-line.ts';
import { leftOut } from '../../src/kernel/source-step.ts';
import { silentReporter } from '../../src/report.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { Store } from '../../src/store/store.ts';

/** What `allnoconfig` with this request would give, in a kernel where every wish comes true but some. */
interface Kbuild {
  readonly version?: string;
  readonly drops?: readonly string[];
  readonly adds?: readonly string[];
}

const kconfig = `config UNIX
	bool "Sockets"
	depends on NET
config IMPOSSIBLE
	bool "Never"
	depends on MAGIC
config CARD
	bool "Card"
	depends on NETDEVICES
config DEVMEM
	bool "Memory"
config MAGIC
	bool
	select DEVMEM
`;

/**
 * Does what the three steps do, without tar, kbuild and a compiler: it reads the request from the script, as kbuild
 * would from KCONFIG_ALLCONFIG. The steps themselves run in the end-to-end tests.
 */
class StandIn implements Executor {
  readonly name = 'sandbox';
  readonly ran: Step[] = [];
  kbuild: Kbuild = {};

  async check(): Promise<void> {}

  async execute(step: Step, io: StepIo): Promise<void> {
    this.ran.push(step);
    if (step.name === 'Unpack the kernel source') await writeFile(join(io.outDir, 'Kconfig'), kconfig);
    if (step.name === 'Configure the kernel') await this.#configure(step, io.outDir);
    if (step.name === 'Build the kernel') {
      const config = await readFile(step.inputs['config']?.path ?? '', 'utf8');
      await writeFile(join(io.outDir, 'bzImage'), `${step.env['RANDSTRUCT_SEED']}\n${config}`);
    }
  }

  async #configure(step: Step, outDir: string): Promise<void> {
    const request = step.script.match(/^CONFIG_.*$/gm) ?? [];
    const drops = new Set(this.kbuild.drops?.map((symbol) => `CONFIG_${symbol}=y`));
    const lines = request.filter((line) => !line.endsWith('=n') && !drops.has(line));
    const header = `#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 ${this.kbuild.version ?? '6.12.107'} Kernel Configuration\n#\n`;
    const added = this.kbuild.adds?.map((symbol) => `CONFIG_${symbol}=y\n`) ?? [];
    await mkdir(outDir, { recursive: true });
    await writeFile(join(outDir, 'config'), `${header}${lines.join('\n')}\n${added.join('')}`);
    const { fragments } = await loadKernelLine('linux-6.12');
    const known = [...fragments.values()].flatMap((fragment) =>
      fragment.options.map((option) => option.symbol),
    );
    const symbols = [...known, 'UNIX', 'IMPOSSIBLE', 'CARD', 'DEVMEM', 'MAGIC'];
    await writeFile(join(outDir, 'symbols'), `${symbols.join('\n')}\n`);
  }
}

let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'altee-kernel-'));
});
afterAll(() => removeTree(dir));

/** A fresh store with its own stand-in for kbuild. */
async function setUp(kbuild: Kbuild = {}) {
  const executor = new StandIn();
  executor.kbuild = kbuild;
  const store = await Store.open(join(dir, `store-${count++}`));
  const root = { digest: `sha256:${'1'.repeat(64)}`, path: '/nowhere' };
  return { executor, context: { executor, store, root, reporter: silentReporter } };
}

function input(request: Partial<KernelInput['request']> = {}): KernelInput {
  return {
    line: 'linux-6.12',
    source: { path: '/nowhere/linux.tar.xz', sha256: `sha256:${'2'.repeat(64)}`, version: '6.12.107' },
    request: { features: ['serial'], network: false, require: [], forbid: [], exceptions: [], ...request },
  };
}

describe('buildKernel()', () => {
  it('gives the kernel, its configuration, version, key and command line', async () => {
    const { context } = await setUp();
    const built = await buildKernel(context, input());
    expect(built.version).toBe('6.12.107');
    expect(built.key).toMatch(/^[0-9a-f]{64}$/);
    expect(built.cmdline).toContain('console=ttyS0');
    const config = await readFile(built.config, 'utf8');
    expect(await readFile(built.bzImage, 'utf8')).toBe(`${randstructSeed('6.12.107', config)}\n${config}`);
  });

  it('runs nothing the second time', async () => {
    const { context, executor } = await setUp();
    const first = await buildKernel(context, input());
    expect(executor.ran.map((step) => step.name)).toEqual([
      'Unpack the kernel source',
      'Configure the kernel',
      'Build the kernel',
    ]);
    expect(await buildKernel(context, input())).toEqual(first);
    expect(executor.ran).toHaveLength(3);
  });

  it('shares one kernel between requests that come to the same configuration', async () => {
    const { context, executor } = await setUp();
    const first = await buildKernel(context, input());
    const same = await buildKernel(
      context,
      input({ initOnFree: false, cmdline: ['quiet'], require: ['SMP'] }),
    );
    expect(same.key).toBe(first.key);
    expect(same.cmdline).not.toBe(first.cmdline);
    const other = await buildKernel(context, input({ features: ['serial', 'tpm'] }));
    expect(other.key).not.toBe(first.key);
    expect(executor.ran.filter((step) => step.name === 'Build the kernel')).toHaveLength(2);
  });

  it('keys the kernel by root and source', async () => {
    const { context } = await setUp();
    const first = await buildKernel(context, input());
    const root = { ...context.root, digest: `sha256:${'3'.repeat(64)}` };
    expect((await buildKernel({ ...context, root }, input())).key).not.toBe(first.key);
  });

  it('fails before the build for a dropped symbol, and names what is missing', async () => {
    const { context, executor } = await setUp({ drops: ['IMPOSSIBLE'] });
    await expect(buildKernel(context, input({ require: ['IMPOSSIBLE'] }))).rejects.toMatchObject({
      code: 'kernel-config',
      details: ['CONFIG_IMPOSSIBLE=y (manifest: kernel.require) came out as n: it needs MAGIC (is n)'],
    });
    expect(executor.ran.map((step) => step.name)).not.toContain('Build the kernel');
  });

  it('fails for a forbidden symbol that another one selects', async () => {
    const { context } = await setUp({ adds: ['MAGIC', 'DEVMEM'] });
    const error = await buildKernel(context, input()).catch((thrown) => thrown);
    expect(error.code).toBe('kernel-config');
    expect(error.details[0]).toContain('CONFIG_DEVMEM is y, but must not be set');
    expect(error.details[0]).toContain('selected by MAGIC');
  });

  it('says that the network is missing where that is the cause', async () => {
    const { context } = await setUp({ drops: ['CARD'] });
    await expect(buildKernel(context, input({ require: ['CARD'] }))).rejects.toMatchObject({
      hint: 'The image has no network ("network.mode" is none): INET and NETDEVICES come with one',
    });
    await expect(buildKernel(context, input({ require: ['CARD'], network: true }))).rejects.toMatchObject({
      hint: expect.stringContaining('Ask for the missing dependencies'),
    });
  });
});

describe('configureKernel()', () => {
  it('stops before the build', async () => {
    const { context, executor } = await setUp();
    await configureKernel(context, input());
    expect(executor.ran.map((step) => step.name)).toEqual([
      'Unpack the kernel source',
      'Configure the kernel',
    ]);
  });

  it.each(['require', 'forbid'] as const)('refuses a typing error under kernel.%s', async (key) => {
    const { context } = await setUp();
    await expect(configureKernel(context, input({ [key]: ['UNXI'] }))).rejects.toMatchObject({
      code: 'invalid-input',
      details: [`kernel.${key}: CONFIG_UNXI, did you mean "UNIX"?`],
    });
  });

  it('refuses a source of another version than the lock says', async () => {
    const { context } = await setUp({ version: '6.12.94' });
    await expect(configureKernel(context, input())).rejects.toThrow(
      'The kernel source holds version 6.12.94, not version 6.12.107',
    );
  });

  it('refuses a source of another line', async () => {
    const { context } = await setUp({ version: '6.18.3' });
    const { source, ...rest } = input();
    const unversioned = { path: source.path, sha256: source.sha256 };
    await expect(configureKernel(context, { ...rest, source: unversioned })).rejects.toThrow(
      'The kernel source holds version 6.18.3, not the line "linux-6.12"',
    );
  });
});

describe('leftOut', () => {
  // GNU tar's wildcards as used there: `*` matches slashes too.
  const patterns = leftOut.map(
    (pattern) =>
      new RegExp(
        `^${pattern.replace(/[.+]/g, '\\$&').replaceAll('*', '.*').replaceAll('[!', '[^')}(?:/.*)?$`,
      ),
  );
  const skipped = (path: string): boolean => patterns.some((pattern) => pattern.test(path));

  it.each([
    'Kconfig',
    'Makefile',
    'Documentation/Kconfig',
    'arch/arm/crypto/Kconfig',
    'arch/x86/kernel/setup.c',
    'arch/x86/um/Kconfig',
    'arch/x86/configs/tiny.config',
    'drivers/gpu/drm/amd/amdgpu/Kconfig',
    'drivers/gpu/drm/Makefile',
    'drivers/gpu/vga/vgaarb.c',
    'drivers/media/Kconfig',
    'include/sound/core.h',
    'sound/Makefile',
    'tools/objtool/check.c',
    'tools/arch/x86/include/asm/insn.h',
    'scripts/kconfig/conf.c',
  ])('keeps %s', (path) => {
    expect(skipped(path)).toBe(false);
  });

  it.each([
    'Documentation/admin-guide/index.rst',
    'arch/arm64/kernel/setup.c',
    'arch/arm/boot/dts/nxp/imx.dtsi',
    'drivers/gpu/drm/amd/include/asic_reg/x.h',
    'sound/core/pcm.c',
    'tools/perf/builtin-top.c',
  ])('leaves out %s', (path) => {
    expect(skipped(path)).toBe(true);
  });
});
