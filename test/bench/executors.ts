import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Step } from '../../packages/builder/src/executor/executor.ts';
import {
  type ExecutorName,
  executorNames,
  makeExecutor,
} from '../../packages/builder/src/executor/executors.ts';
import { outputDigest } from '../../packages/builder/src/executor/run-step.ts';
import { kbuildArguments } from '../../packages/builder/src/kernel/config-step.ts';
import { type ExampleContext, exampleContext } from '../support/context.ts';
import { withTempDir } from './altee-command.ts';
import type { Benchmark, Measurement, Sample } from './benchmark.ts';
import { exampleKernel } from './example-kernel.ts';
import { ratioText } from './print-result.ts';
import { timeWork } from './timing.ts';

const WANTED: Readonly<Record<string, string>> = { docker: 'at most 1.05 ×', nix: 'at most 1.1 ×' };

/** The same compilation under each executor that works here. */
export const executors: Benchmark = {
  name: 'executors',
  title: 'compiling a part of the kernel under each executor',
  isSlow: true,
  run: async ({ runs, say }) => {
    const context = await exampleContext('hello');
    const step = await compileStep(context);
    const inside: Measurement[] = [];
    const whole: Measurement[] = [];
    const notes = [
      'inside: from the first command of the step to its last; whole: with start-up, files in and files out',
    ];
    const samples = new Map<string, { inside: Sample[]; whole: Sample[] }>();
    // In turns, so that what else the machine does meets all of them.
    for (let index = 0; index < runs; index++) {
      for (const name of executorNames) {
        const sample = await timeStep(name as ExecutorName, step).catch((error: Error) => {
          notes.push(`${name} is left out: ${error.message}`);
        });
        if (!sample) continue;
        say(
          `${name}: ${sample.inside.seconds.toFixed(1)} s inside, ${sample.whole.seconds.toFixed(1)} s whole`,
        );
        const own = samples.get(name) ?? { inside: [], whole: [] };
        samples.set(name, own);
        own.inside.push(sample.inside);
        own.whole.push(sample.whole);
      }
    }
    for (const [name, own] of samples) {
      inside.push({ label: `${name}: inside`, samples: own.inside });
      whole.push({ label: `${name}: whole`, samples: own.whole });
    }
    const sandbox = inside.find(({ label }) => label.startsWith('sandbox'));
    const targets = inside
      .filter((one) => sandbox !== undefined && one !== sandbox)
      .map((one) => ({
        label: `${one.label}, against the sandbox`,
        reached: ratioText(one, sandbox ?? one),
        wanted: WANTED[one.label.split(':')[0] ?? ''] ?? '',
      }));
    return { measurements: [...inside, ...whole], targets, notes: [...new Set(notes)] };
  },
};

/** A few dozen C files of the kernel, with all that has to come before them. */
async function compileStep(context: ExampleContext): Promise<Step> {
  const kernel = await exampleKernel(context, { hardening: true });
  return {
    name: 'Compile a part of the kernel',
    root: await context.roots.get('kernel'),
    script: `began=$(date +%s%N)
mkdir /build/out
cp /src/config /build/out/.config
make -s -j"$JOBS" ${kbuildArguments} OBJDUMP=objdump LOCALVERSION= prepare lib/crypto/ lib/math/ lib/lz4/ lib/xz/ lib/zlib_deflate/ > /dev/null 2>&1
times > /build/times
{ echo "$began"; date +%s%N; tail -n 1 /build/times; } > $OUT/times
`,
    env: {},
    inputs: {
      kernel: { path: kernel.source, digest: await outputDigest(kernel.source) },
      config: { path: kernel.config, digest: 'sha256:00' },
    },
    limits: { seconds: 3600, outputBytes: 2 ** 20, processes: 4096 },
  };
}

async function timeStep(name: ExecutorName, step: Step): Promise<{ inside: Sample; whole: Sample }> {
  const executor = await makeExecutor(name, { jobs: 2 });
  await executor.check(step.root);
  return withTempDir(async (dir) => {
    const io = { outDir: join(dir, 'out'), workDir: join(dir, 'work'), logFile: join(dir, 'log') };
    await mkdir(io.outDir);
    await mkdir(io.workDir);
    const { seconds } = await timeWork(() => executor.execute(step, io));
    const [began = '', ended = '', cpu = ''] = (await readFile(join(io.outDir, 'times'), 'utf8')).split('\n');
    const inside = (Number(ended) - Number(began)) / 1e9;
    return { inside: { seconds: inside, cpuSeconds: cpuSeconds(cpu) }, whole: { seconds } };
  });
}

/** sh(1), `times`: minutes and seconds of user and system time of the children. */
function cpuSeconds(line: string): number {
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
}
