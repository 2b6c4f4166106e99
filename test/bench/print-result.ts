import type { Benchmark, BenchmarkResult, Measurement } from './benchmark.ts';
import { median } from './timing.ts';

/** A result as text: times as median (range, processor time), then facts, targets and notes. */
export function resultText(benchmark: Benchmark, result: BenchmarkResult): string {
  const { measurements = [], facts = [], targets = [], notes = [] } = result;
  const rows: [string, string][] = [
    ...measurements.map((one): [string, string] => [one.label, timesText(one)]),
    ...facts.map(({ label, value }): [string, string] => [label, value]),
    ...targets.map(({ label, reached, wanted }): [string, string] => [
      label,
      `${reached}  (target ${wanted})`,
    ]),
  ];
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  return [
    `${benchmark.name}: ${benchmark.title}`,
    ...rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`),
    ...notes.map((note) => `  Note: ${note}`),
    '',
  ].join('\n');
}

function timesText({ samples }: Measurement): string {
  const { seconds, cpuSeconds } = median(samples);
  const all = samples.map((sample) => sample.seconds);
  const range =
    samples.length > 1
      ? `  ${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}, ${samples.length} runs`
      : '';
  const cpu = cpuSeconds === undefined ? '' : `  processors ${cpuSeconds.toFixed(2)} s`;
  return `${seconds.toFixed(2)} s${cpu}${range}`;
}

/** `a` in relation to `b`, by the medians of wall and, where known, processor time. */
export function ratioText(a: Measurement, b: Measurement): string {
  const [one, other] = [median(a.samples), median(b.samples)];
  const wall = (one.seconds / other.seconds).toFixed(2);
  if (one.cpuSeconds === undefined || other.cpuSeconds === undefined) return `${wall} ×`;
  return `${wall} ×, by processor time ${(one.cpuSeconds / other.cpuSeconds).toFixed(2)} ×`;
}

/** The medians of several things, added. */
export function total(label: string, parts: readonly Measurement[]): Measurement {
  const medians = parts.map(({ samples }) => median(samples));
  const seconds = medians.reduce((sum, sample) => sum + sample.seconds, 0);
  const cpu = medians.map(({ cpuSeconds }) => cpuSeconds);
  const cpuSeconds = cpu.reduce<number | undefined>(
    (sum, one) => (sum === undefined || one === undefined ? undefined : sum + one),
    0,
  );
  return { label, samples: [cpuSeconds === undefined ? { seconds } : { seconds, cpuSeconds }] };
}
