import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  type BankDigests,
  type HashName,
  hashNames,
  MeasureError,
  type Prediction,
  predictTpm,
  type TpmPredictionInput,
  unpackOvmf,
} from '@altee/measure';
import { nativeHasher } from './native-hasher.ts';
import type { PredictionJob } from './predict-worker.ts';

/** Below this a second thread costs more than it saves. */
const LEAST_BYTES = 16 * 2 ** 20;
/** Halves that take about as long as each other: SHA-512 costs per byte what SHA-384 does, and the short ones a third. */
const HALVES: readonly [readonly HashName[], readonly HashName[]] = [
  ['sha1', 'sha512'],
  ['sha256', 'sha384'],
];

/** `predictTpm` in all four banks, those of a large image in two threads. */
export async function predictBanks(input: TpmPredictionInput): Promise<Prediction> {
  const isCompiled = import.meta.url.endsWith('.js');
  // IMA's boot aggregate looks at registers of other banks than its own.
  const isDivisible = !input.kernel?.ima;
  if (!isCompiled || !isDivisible || input.uki.length < LEAST_BYTES || availableParallelism() < 2)
    return predictTpm({ ...input, banks: hashNames }, nativeHasher);
  const [here, there] = HALVES;
  const other = inWorker({ ...input, banks: there });
  // Whoever fails first tells; the other's failure must not go unheard of.
  other.catch(() => {});
  const own = predictTpm({ ...input, banks: here }, nativeHasher);
  return merge(own, await other);
}

/** `predictTpm` as it is asked for, in another thread where there is one. Throws as that does, but for the error's class. */
export async function predictAside(input: TpmPredictionInput): Promise<Prediction> {
  return import.meta.url.endsWith('.js') && availableParallelism() > 1
    ? inWorker(input)
    : predictTpm(input, nativeHasher);
}

function inWorker(input: TpmPredictionInput): Promise<Prediction> {
  return new Promise((resolve, reject) => {
    const job: PredictionJob = { input, unpackedFirmware: unpackedFirmwareOf(input) };
    const worker = new Worker(new URL('./predict-worker.js', import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`The thread that predicts ended with ${code}`)));
  });
}

/** What the other thread would have to unpack again. */
function unpackedFirmwareOf({ machine }: TpmPredictionInput): Uint8Array | undefined {
  const code = machine.firmware?.code;
  try {
    return code && unpackOvmf(code);
  } catch (error) {
    if (error instanceof MeasureError) return undefined;
    throw error;
  }
}

/** The same events with the digests of both. */
function merge(one: Prediction, other: Prediction): Prediction {
  return {
    ...one,
    banks: hashNames,
    registers: one.registers.map((register, index) => {
      const twin = other.registers[index];
      const events = register.events.map((event, at) => ({
        ...event,
        digests: inOrder({ ...event.digests, ...twin?.events[at]?.digests }),
      }));
      return { ...register, events, values: inOrder({ ...register.values, ...twin?.values }) };
    }),
  };
}

function inOrder(digests: BankDigests): BankDigests {
  return Object.fromEntries(hashNames.flatMap((bank) => (digests[bank] ? [[bank, digests[bank]]] : [])));
}
