/**
 * The boot matrix: predicts each configuration, boots it in QEMU with OVMF and a software TPM, and compares every
 * register in every bank. `npm run matrix -- [--only NAME…] [--jobs N] [--again] [--write] [--events]`.
 *
 * A boot whose every byte is the same as that of an earlier one is taken from its record in the store; the prediction is
 * made and compared anew. `--again` boots it again.
 *
 * Exit code 0 where all is as predicted, 3 where a register differs, 2 for a wrong command line.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { configurations } from './configurations.ts';
import { describeEvents } from './events.ts';
import { ImageFactory } from './images.ts';
import { Ingredients } from './ingredients.ts';
import { failuresOf, isEqual, notPredicted, type Outcome, runConfiguration } from './run.ts';
import { matrixTable, tableFile } from './table.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: '2' },
    again: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    events: { type: 'boolean', default: false },
  },
});
const patterns = [...values.only, ...positionals];
const chosen = configurations.filter(
  ({ name }) =>
    patterns.length === 0 || patterns.some((pattern) => name === pattern || name.startsWith(`${pattern}-`)),
);
const jobs = Number(values.jobs);
if (chosen.length === 0 || !(jobs >= 1)) {
  console.error(`Nothing to run. Configurations: ${configurations.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const began = performance.now();
const ingredients = await Ingredients.open();
const images = new ImageFactory(ingredients);
const outcomes = new Map<string, Outcome>();
const failed: string[] = [];
const queue = [...chosen];
let done = 0;
const worker = async () => {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name } = next;
    try {
      const outcome = await runConfiguration(next, ingredients, images, values.again);
      outcomes.set(name, outcome);
      const failures = failuresOf(outcome);
      if (failures.length > 0) failed.push(name);
      report(name, outcome, failures);
    } catch (error) {
      failed.push(name);
      done += 1;
      console.log(
        `${progress()} FAILED    ${name}: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
      );
    }
  }
};
await Promise.all(Array.from({ length: jobs }, worker));

const seconds = (performance.now() - began) / 1000;
const recorded = [...outcomes.values()].filter(({ boot }) => boot.isRecorded).length;
console.log(
  `\n${chosen.length} configurations in ${seconds.toFixed(0)} s (${chosen.length - recorded} booted, ${recorded} from records of the same boot): ${chosen.length - failed.length} as predicted, ${failed.length} not${failed.length > 0 ? ` (${failed.join(', ')})` : ''}`,
);
if (values.write) {
  const ordered = chosen.flatMap(({ name }) => outcomes.get(name) ?? []);
  await writeFile(tableFile, matrixTable(ordered, ingredients));
}
process.exitCode = failed.length > 0 ? 3 : 0;

function report(name: string, outcome: Outcome, failures: readonly string[]): void {
  done += 1;
  const unknown = notPredicted(outcome);
  const equal = outcome.registers.filter(({ status }) => status === 'equal').length;
  const verdict = failures.length > 0 ? 'DIFFERENT' : 'equal    ';
  const time = outcome.boot.isRecorded ? 'recorded boot' : `${outcome.boot.seconds.toFixed(1)} s`;
  console.log(
    `${progress()} ${verdict} ${name} (${time}): ${equal} of 16 registers${unknown.length > 0 ? `; not predicted: ${unknown.map(({ register, status }) => `${register} (${status}${isEqual(outcome, register) ? ', but equal' : ''})`).join(', ')}` : ''}`,
  );
  for (const failure of failures) console.log(`          ${failure}`);
  if (values.events) for (const line of describeEvents(outcome)) console.log(`          ${line}`);
}

function progress(): string {
  return `[${String(done).padStart(2)}/${chosen.length}]`;
}
