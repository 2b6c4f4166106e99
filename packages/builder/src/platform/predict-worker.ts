import { parentPort, workerData } from 'node:worker_threads';
import { adoptUnpackedOvmf, predictTpm, type TpmPredictionInput } from '@altee/measure';
import { nativeHasher } from './native-hasher.ts';

/** What `predictBanks` has its other thread do. */
export interface PredictionJob {
  readonly input: TpmPredictionInput;
  readonly unpackedFirmware: Uint8Array | undefined;
}

const { input, unpackedFirmware } = workerData as PredictionJob;
const code = input.machine.firmware?.code;
if (code && unpackedFirmware) adoptUnpackedOvmf(code, unpackedFirmware);
parentPort?.postMessage(predictTpm(input, nativeHasher));
