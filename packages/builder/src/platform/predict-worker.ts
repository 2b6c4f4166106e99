import { parentPort, workerData } from 'node:worker_threads';
import { predictTpm, type TpmPredictionInput } from '@altee/measure';
import { nativeHasher } from './native-hasher.ts';

/** The other thread of `predictBanks`. */
parentPort?.postMessage(predictTpm(workerData as TpmPredictionInput, nativeHasher));
