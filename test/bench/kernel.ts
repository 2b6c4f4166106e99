import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { silentReporter } from '@altee/builder';
import type { Root, Step } from '../../packages/builder/src/executor/executor.ts';
import { buildKernel } from '../../packages/builder/src/kernel/build-kernel.ts';
import { kbuildArguments } from '../../packages/builder/src/kernel/config-step.ts';
import { Store } from '../../packages/builder/src/store/store.ts';
import { type ExampleContext, exampleContext } from '../support/context.ts';
import { withTempDir } from './altee-command.ts';
import type { Benchmark, Measurement, Sample } from './benchmark.ts';
import { exampleKernel, kernelInput } from './example-kernel.ts';
import { ratioText, total } from './print-result.ts';
import { timeWork } from './timing.ts';

/** altee's kernel steps against tar and make, in the same root with the same configuration. */
export const kernel: Benchmark = {
  name: 'kernel',
  title: "the kernel of examples/hello by altee's steps, against plain tar and make",
  isSlow: true,
  run: async ({ say }) => {
    const context = await exampleContext('hello');
    say('Building the kernel once, where it is not in the store');
    const { config } = await exampleKernel(context, { hardening: true });
    say("Building it by altee's steps in an empty store");
    const altee = { label: 'altee: unpack, configure, build', samples: [await timeAlteeSteps(context)] };
    say('Building it by tar and make');
    const plain = await withTempDir((dir) => timePlainBuild(context, config, dir));
    const whole = total('plain: both', [plain.tar, plain.make]);
    return {
      measurements: [altee, plain.tar, plain.make, whole],
      targets: [
        { label: 'against tar and make', reached: ratioText(altee, whole), wanted: 'at most 1.1 ×' },
        { label: 'against make alone', reached: ratioText(altee, plain.make), wanted: 'at most 1.1 ×' },
      ],
      notes: [
        'plain: the whole source, one "make bzImage" with the final configuration, in the same sandbox and root; nothing fixed, checked, hashed or kept',
      ],
    };
  },
};

async function timeAlteeSteps(context: ExampleContext): Promise<Sample> {
  const { executor, roots } = context;
  const root = await roots.get('kernel');
  return withTempDir(async (dir) => {
    const store = await Store.open(dir);
    const input = kernelInput(context, true);
    return timeWork(() => buildKernel({ executor, store, root, reporter: silentReporter }, input));
  });
}

async function timePlainBuild(
  context: ExampleContext,
  config: string,
  dir: string,
): Promise<{ tar: Measurement; make: Measurement }> {
  const root = await context.roots.get('kernel');
  const source = join(dir, 'source');
  const archive = context.workshop.store.filePath(context.lock.kernel.sha256);
  const tar = await timeScript(context, dir, source, {
    root,
    script: 'tar -xf /src/archive --strip-components=1 -C "$OUT" --no-same-owner\n',
    inputs: { archive: { path: archive, digest: '' } },
  });
  const make = await timeScript(context, dir, join(dir, 'built'), {
    root,
    script: `mkdir /build/out
cp /src/config /build/out/.config
make -j"$JOBS" ${kbuildArguments} bzImage
cp /build/out/arch/x86/boot/bzImage "$OUT/"
`,
    inputs: { kernel: { path: source, digest: '' }, config: { path: config, digest: '' } },
  });
  return {
    tar: { label: 'plain: tar', samples: [tar] },
    make: { label: 'plain: make', samples: [make] },
  };
}

/** Runs a script as a step would run, without store and digests. */
async function timeScript(
  { executor }: ExampleContext,
  dir: string,
  outDir: string,
  { root, script, inputs }: { root: Root } & Pick<Step, 'script' | 'inputs'>,
): Promise<Sample> {
  const workDir = `${outDir}-work`;
  for (const folder of [outDir, workDir]) await mkdir(folder);
  const step: Step = {
    name: 'Plain build',
    root,
    script,
    env: {},
    inputs,
    limits: { seconds: 4 * 3600, outputBytes: 2 ** 32, processes: 4096 },
  };
  return timeWork(() => executor.execute(step, { outDir, workDir, logFile: join(dir, 'log') }));
}
