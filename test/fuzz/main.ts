import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MeasureError } from '@altee/measure';
import { mutate, randomSource } from './mutate.ts';
import { type FuzzedParser, parsers } from './parsers.ts';

/**
 * `npm run fuzz -- [names…] [--runs n] [--seed n]`: feeds each parser with mutated real data. It fails on any error but a
 * MeasureError, on an input that takes too long, and when memory grows: the input is then left in a file.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const runs = Number(values.runs);
const seed = Number(values.seed);
const unknown = positionals.filter((name) => !parsers.some((parser) => parser.name === name));
if (unknown.length > 0 || !Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    `Usage: npm run fuzz -- [names…] [--runs n] [--seed n]\nParsers: ${parsers.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}

const maxInputBytes = 256 << 10;
/** One input may take so long; a machine that is busy with other things needs some room. */
const maxMilliseconds = 5000;
/** What the process may hold, whatever the inputs claim. */
const maxResidentBytes = 1536 << 20;

let failed = false;
for (const parser of parsers) {
  if (positionals.length > 0 && !positionals.includes(parser.name)) continue;
  failed = !fuzz(parser) || failed;
}
process.exit(failed ? 1 : 0);

function fuzz(parser: FuzzedParser): boolean {
  const random = randomSource(seed);
  const seeds = parser.seeds();
  const start = performance.now();
  let refused = 0;
  let slowest = 0;
  for (let run = 0; run < runs; run++) {
    const pick = (): Uint8Array => seeds[random(seeds.length)] ?? new Uint8Array(0);
    // The first runs take the seeds as they are.
    const input =
      run < seeds.length ? (seeds[run] ?? new Uint8Array(0)) : mutate(pick(), pick(), random, maxInputBytes);
    const before = performance.now();
    const problem = attempt(parser, input);
    const milliseconds = performance.now() - before;
    slowest = Math.max(slowest, milliseconds);
    if (problem === 'refused') refused++;
    else if (problem !== undefined) return report(parser, input, run, problem);
    if (milliseconds > maxMilliseconds)
      return report(parser, input, run, `took ${milliseconds.toFixed(0)} ms`);
    if (run % 1000 === 0 && process.memoryUsage().rss > maxResidentBytes)
      return report(parser, input, run, `the process holds ${process.memoryUsage().rss >> 20} MiB`);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(
    `${parser.name}: ${runs} inputs from ${seeds.length} seeds, ${refused} refused, slowest ${slowest.toFixed(0)} ms, ${seconds} s\n`,
  );
  return true;
}

/** `undefined` when the input was read, `refused` when it was refused as it should be, else what went wrong. */
function attempt(parser: FuzzedParser, input: Uint8Array): string | undefined {
  try {
    parser.run(input);
    return undefined;
  } catch (error) {
    if (error instanceof MeasureError) return 'refused';
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function report(parser: FuzzedParser, input: Uint8Array, run: number, problem: string): false {
  const file = join(mkdtempSync(join(tmpdir(), 'altee-fuzz-')), `${parser.name}.bin`);
  writeFileSync(file, input);
  process.stdout.write(`${parser.name}: input ${run} of seed ${seed}, left in ${file}: ${problem}\n`);
  return false;
}
