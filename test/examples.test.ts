import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunProjectResult, runProject, silentReporter } from '@altee/builder';
import { compareRegisters } from '@altee/measure';
import { describe, expect, it } from 'vitest';
import { buildAll } from '../packages/builder/src/build.ts';
import { observedMeasurements } from '../packages/builder/src/run/observed.ts';
import { type Example, exampleFolder, exampleManifest, examples } from './support/examples.ts';

/** The product's main flow, for each example: build, compare with the checked-in values, boot, compare with the TPM. */
const options = { frozen: true, offline: false, vendorDirs: [], reporter: silentReporter } as const;

/** PCR 0 to 3, 6 and 7 are the firmware's; the others are the image's own, which altee always predicts. */
const IMAGE_PCRS = [4, 5, 8, 9, 10, 11, 12, 13, 14, 15];

async function run(name: Example): Promise<RunProjectResult> {
  return runProject({
    ...options,
    manifestFile: exampleManifest(name),
    timeoutSeconds: 300,
    onConsole: () => {},
  });
}

function expectAsPredicted(result: RunProjectResult): void {
  const different = result.registers.filter(({ status }) => status === 'different');
  expect(different).toEqual([]);
  const equal = result.registers
    .filter(({ status }) => status === 'equal')
    .map(({ registerIndex }) => registerIndex);
  expect(equal).toEqual(expect.arrayContaining(IMAGE_PCRS));
  expect(result.machine.tpm.uninterpreted).toEqual([]);
  expect(result.asPredicted).toBe(true);
}

describe.each(examples)('example %s', (name) => {
  it('builds to the measurements that are checked in', async () => {
    const { dist } = await buildAll({ ...options, manifestFile: exampleManifest(name) });
    const built = JSON.parse(await readFile(join(dist.outDir, 'measurements.json'), 'utf8'));
    const reference = JSON.parse(await readFile(join(exampleFolder(name), 'reference-values.json'), 'utf8'));
    expect(built).toEqual(reference);
  });
});

describe('runProject()', () => {
  it('boots hello, whose TPM holds every predicted value, and whose app sees the same PCRs', async () => {
    const result = await run('hello');
    expect(result.machine.end).toBe('poweroff');
    expect(result.machine.appExit).toMatchObject({ kind: 'exited', status: 0 });
    expectAsPredicted(result);
    const console = result.machine.console.join('\n');
    expect(console).toContain('--greeting');
    expect(console).toContain('LOG=info');
    const pcr11 = result.machine.tpm.pcrs.sha256?.[11] ?? 'absent';
    expect(console.toLowerCase()).toContain(pcr11);
  });

  it('boots static-c, passes its exit status on, and the TPM holds every predicted value', async () => {
    const result = await run('static-c');
    expect(result.machine.appExit).toMatchObject({ kind: 'exited', status: 3 });
    expectAsPredicted(result);
    await expectOtherImageToDiffer(result);
  });
});

/** The same boot against the prediction for another image: what differs is found, and named by its first event. */
async function expectOtherImageToDiffer(result: RunProjectResult): Promise<void> {
  const { platforms } = await buildAll({ ...options, manifestFile: exampleManifest('hello') });
  const other = platforms.get('lab');
  if (!other || !('prediction' in other)) throw new Error('hello has no prediction');
  const registers = compareRegisters(other.prediction, observedMeasurements(result.machine.tpm));
  const different = registers.filter((register) => register.status === 'different');
  expect(different.map(({ registerIndex }) => registerIndex)).toEqual([1, 4, 5, 9, 11]);
  const pcr4 = different.find(({ registerIndex }) => registerIndex === 4);
  expect(pcr4?.difference).toMatchObject({ kind: 'changed', index: 2 });
  expect(pcr4?.difference?.predicted?.description).toBe('Authenticode digest of the image');
}
