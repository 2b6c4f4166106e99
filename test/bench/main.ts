import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { app } from './app.ts';
import type { Benchmark } from './benchmark.ts';
import { boot } from './boot.ts';
import { diff } from './diff.ts';
import { executors } from './executors.ts';
import { kernel } from './kernel.ts';
import { noop } from './noop.ts';
import { predict } from './predict.ts';
import { resultText } from './print-result.ts';
import { size } from './size.ts';
import { snp } from './snp.ts';
import { toolchain } from './toolchain.ts';

/**
 * `npm run bench -- [names…] [--runs n]`: measures and prints, beside the figures to reach and the commands that it
 * compares with. Without names: those that take seconds once `examples/hello` is built.
 */
const benchmarks: readonly Benchmark[] = [
  noop,
  app,
  size,
  predict,
  diff,
  snp,
  toolchain,
  boot,
  kernel,
  executors,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '5' } },
});
const unknown = positionals.filter((name) => !benchmarks.some((one) => one.name === name));
const runs = Number(values.runs);
if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
  const names = benchmarks.map(({ name, title, isSlow }) => `  ${name}: ${title}${isSlow ? ' (slow)' : ''}`);
  process.stderr.write(`Usage: npm run bench -- [names…] [--runs n]\n${names.join('\n')}\n`);
  process.exit(2);
}

const chosen = benchmarks.filter(({ name, isSlow }) =>
  positionals.length > 0 ? positionals.includes(name) : !isSlow,
);
process.stdout.write(`Node ${process.version}, ${availableParallelism()} processors, load ${load()}\n\n`);
for (const benchmark of chosen) {
  const say = (text: string) => process.stderr.write(`${benchmark.name}: ${text}\n`);
  process.stdout.write(`${resultText(benchmark, await benchmark.run({ runs, say }))}\n`);
}
process.stdout.write(`Load at the end ${load()}\n`);

function load(): string {
  return loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
}
