import {
  compareRegisters,
  findRegister,
  type Prediction,
  type RegisterComparison,
  type RegisterPrediction,
  withFirmwareRun,
} from '@altee/measure';
import { nativeHasher } from '../../packages/builder/src/platform/native-hasher.ts';
import type { FirmwareRun } from '../../packages/builder/src/run/firmware-run.ts';
import { observedMeasurements, withoutDoubt } from '../../packages/builder/src/run/observed.ts';
import type { Configuration } from './configurations.ts';
import type { ImageFactory } from './images.ts';
import type { Ingredients } from './ingredients.ts';
import { predict } from './predict.ts';
import { withPrepared } from './prepare.ts';
import { type RecordedBoot, recordedBoot, recordedFirmwareRun } from './recorded.ts';

/** What came out of one configuration. */
export interface Outcome {
  readonly configuration: Configuration;
  readonly prediction: Prediction;
  readonly boot: RecordedBoot;
  readonly registers: readonly RegisterComparison[];
  readonly seconds: number;
  readonly predictSeconds: number;
}

/** Predicts, then boots (or takes the record of the same boot, unless `again`), then compares. */
export function runConfiguration(
  configuration: Configuration,
  ingredients: Ingredients,
  images: ImageFactory,
  again: boolean,
): Promise<Outcome> {
  const { store } = ingredients.workshop;
  return withPrepared(configuration, ingredients, images, async (prepared) => {
    const began = performance.now();
    const prediction = await predict(configuration, prepared, store);
    const predictSeconds = (performance.now() - began) / 1000;
    const completed = await withFirmware(prediction, () => recordedFirmwareRun(store, prepared, again));
    const untilIma = configuration.image.kernel !== 'altee';
    const booted = await recordedBoot(store, prepared, { untilIma, again });
    const compared = compareRegisters(completed, observedMeasurements(booted.tpm), nativeHasher);
    return {
      configuration,
      prediction,
      boot: booted,
      registers: withoutDoubt(compared, booted.tpm),
      seconds: (performance.now() - began) / 1000,
      predictSeconds,
    };
  });
}

/** With what a run of the firmware alone gives, where the firmware's own code can't be computed. */
async function withFirmware(prediction: Prediction, run: () => Promise<FirmwareRun>): Promise<Prediction> {
  if (findRegister(prediction, 'PCR0')?.status !== 'unpredictable') return prediction;
  return withFirmwareRun(prediction, (await run()).firmware, nativeHasher);
}

/** Why a configuration did not come out as it must; empty where it did. */
export function failuresOf({ boot: booted, registers }: Outcome): string[] {
  return [
    ...(booted.kernelStarted ? [] : ['the kernel was not reached']),
    ...booted.tpm.uninterpreted,
    ...registers
      .filter(({ status }) => status === 'different' || status === 'not-observed')
      .map(({ register, reason }) => `${register}: ${reason}`),
  ];
}

/** Registers that have no static prediction, or one by a rule that is only assumed; and why. */
export function notPredicted({ prediction }: Outcome): RegisterPrediction[] {
  return prediction.registers.filter(({ status }) => status !== 'predicted');
}

/** Whether the register was equal after all, by a run of the firmware alone or by an assumed rule. */
export function isEqual({ registers }: Outcome, wanted: string): boolean {
  return registers.some(({ register, status }) => register === wanted && status === 'equal');
}
