import { MeasureError } from '../error.ts';
import { type Hasher, type HashName, hashNames } from '../hash.ts';
import { readPe } from '../pe/image.ts';
import type { BankDigests } from '../tpm/bank.ts';
import { CommonBeginnings } from '../tpm/common-beginnings.ts';
import { replayPcr } from '../tpm/pcr.ts';
import { parseGpt } from '../uefi/gpt.ts';
import { stubRules } from '../uki/rules.ts';
import { readStubVersion } from '../uki/stub.ts';
import type { Known, PredictionContext, RegisterAnswer } from './context.ts';
import { findFirmware, type KnownFirmware } from './firmware.ts';
import type { KernelFacts, Machine } from './machine.ts';
import type { PredictedEvent, RegisterPrediction } from './prediction.ts';
import { decideSecureBoot } from './secure-boot.ts';

/** An image and the machine that will boot it. */
export interface TpmPredictionInput {
  /** The unified kernel image. */
  readonly uki: Uint8Array;
  readonly machine: Machine;
  readonly kernel?: KernelFacts | undefined;
  /** PCR banks to predict; all four by default. */
  readonly banks?: readonly HashName[];
}

/** What the rules of all registers look at; `firmware` is for machines whose firmware is known without its digest. */
export function tpmContext(
  { uki, machine, kernel = {}, banks = hashNames }: TpmPredictionInput,
  hasher: Hasher,
  firmware: KnownFirmware | undefined = findFirmware(machine.firmware),
): PredictionContext {
  const pe = readPe(uki);
  return {
    uki,
    pe,
    stub: known(() => stubRules(readStubVersion(uki, pe).major)),
    gpt: readGpt(machine.disk),
    machine,
    kernel,
    secureBoot: decideSecureBoot(machine, uki, pe, hasher, firmware),
    hasher,
    beginnings: new CommonBeginnings(),
    banks,
  };
}

/** The register with the values that its events give. `locality` is that of the TPM's start-up, which PCR 0 starts from. */
export function tpmRegister(
  { hasher, banks }: Pick<PredictionContext, 'hasher' | 'banks'>,
  registerIndex: number,
  covers: string,
  answer: RegisterAnswer,
  locality = 0,
): RegisterPrediction {
  const events = 'events' in answer ? answer.events : [];
  return {
    register: `PCR${registerIndex}`,
    registerIndex,
    status: answer.status,
    reason: answer.reason,
    covers,
    events,
    values: 'events' in answer ? replayEvents(hasher, banks, events, locality) : {},
  };
}

function replayEvents(
  hasher: Hasher,
  banks: readonly HashName[],
  events: readonly PredictedEvent[],
  locality: number,
): BankDigests {
  return Object.fromEntries(
    banks.map((bank) => [
      bank,
      replayPcr(
        hasher,
        bank,
        events.flatMap(({ digests }) => digests[bank] ?? []),
        locality,
      ),
    ]),
  );
}

/** An image that can be read but not understood makes single registers `unpredictable`. */
export function predictOrExplain(predict: () => RegisterAnswer): RegisterAnswer {
  const answer = known(predict);
  return 'value' in answer ? answer.value : { status: 'unpredictable', reason: answer.unknown };
}

function readGpt(disk: Machine['disk']): PredictionContext['gpt'] {
  if (disk === 'unpartitioned') return 'none';
  if (!(disk instanceof Uint8Array)) return disk;
  try {
    return parseGpt(disk);
  } catch (error) {
    if (error instanceof MeasureError && error.code === 'not-found') return 'none';
    throw error;
  }
}

function known<T>(read: () => T): Known<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof MeasureError) return { unknown: error.message };
    throw error;
  }
}
