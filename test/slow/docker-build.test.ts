import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { silentReporter } from '@altee/builder';
import { afterAll, describe, expect, it } from 'vitest';
import { dockerExecutor } from '../../packages/builder/src/executor/docker/docker.ts';
import { outputDigest } from '../../packages/builder/src/executor/run-step.ts';
import { configureKernel } from '../../packages/builder/src/kernel/build-kernel.ts';
import { removeTree } from '../../packages/builder/src/store/remove-tree.ts';
import { Store } from '../../packages/builder/src/store/store.ts';
import { testRoot } from '../../packages/builder/test/support/root.ts';
import { exampleKernel, kernelInput } from '../bench/example-kernel.ts';
import { startAltee } from '../support/altee.ts';
import { type ExampleContext, exampleContext } from '../support/context.ts';
import { testEngines } from '../support/docker.ts';
import { testProject } from '../support/project.ts';

const base = await mkdtemp('/var/tmp/altee-docker-build-');
afterAll(() => removeTree(base));
const [engine] = testRoot() === undefined ? [] : await testEngines(base);

describe.skipIf(engine === undefined)('altee build --executor docker', () => {
  it('gives the same files as the sandbox, each with a store of its own', async () => {
    await using project = await testProject();
    const sums: string[] = [];
    for (const executor of ['docker', 'sandbox']) {
      const store = await storeWithKernel(join(base, executor));
      const out = join(base, `out-${executor}`);
      const args = ['build', project.manifest, '--executor', executor, '--out', out, '--frozen'];
      const { exitCode, stderr } = await startAltee(args, { env: { ALTEE_CACHE: store } }).ended;
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      sums.push(await readFile(join(out, 'SHA256SUMS'), 'utf8'));
    }
    expect(sums[0]).toBe(sums[1]);
    expect(sums[0]).toContain('.efi');
  });

  it('unpacks and configures the kernel to what the sandbox makes of it', async () => {
    const context = await exampleContext('hello');
    const kernel = await exampleKernel(context, { hardening: true });
    const executor = dockerExecutor({ env: engine?.env ?? {} });
    const store = await Store.open(join(base, 'kernel'));
    const root = await context.roots.get('kernel');
    const inDocker = await configureKernel(
      { executor, store, root, reporter: silentReporter },
      kernelInput(context, true),
    );
    expect(await readFile(inDocker.config, 'utf8')).toBe(await readFile(kernel.config, 'utf8'));
    expect(await outputDigest(inDocker.source)).toBe(await outputDigest(kernel.source));
  });
});

describe('altee build --executor', () => {
  it.each([
    ['dokcer', 'There is no executor "dokcer", did you mean "docker"?'],
    ['vm', 'There is no executor "vm"'],
  ])('refuses %s', async (name, message) => {
    for (const command of ['build', 'run', 'measure']) {
      const { exitCode, stderr } = await startAltee([command, 'altee.yaml', '--executor', name]).ended;
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
    }
  });
});

/** The inputs and roots of the tests' store, and of the outputs the kernel's alone, which take long. */
async function storeWithKernel(folder: string): Promise<string> {
  const context: ExampleContext = await exampleContext('hello');
  const warm = context.workshop.store.dir;
  const kernel = await exampleKernel(context, { hardening: true });
  await mkdir(join(folder, 'trees/output'), { recursive: true });
  for (const part of ['files', 'trees/unpacked', 'trees/root'])
    await link(join(warm, part), join(folder, part));
  for (const path of [kernel.source, dirname(kernel.config), dirname(kernel.bzImage)]) {
    const tree = dirname(path);
    await link(tree, join(folder, 'trees/output', basename(tree)));
    await link(`${tree}.json`, join(folder, 'trees/output', `${basename(tree)}.json`));
  }
  return folder;
}

/** As hard links where both are on one file system, else as a copy. */
async function link(from: string, to: string): Promise<void> {
  const run = promisify(execFile);
  await run('cp', ['-al', from, to]).catch(() => run('cp', ['-a', from, to]));
}
