import { toHex } from '../bytes/hex.ts';
import type { HashName } from '../hash.ts';
import type { BankDigests } from '../tpm/bank.ts';
import {
  type BootStage,
  type PredictedEvent,
  type Prediction,
  type RegisterPrediction,
  type RegisterStatus,
  type RegisterTrust,
  registerTrust,
} from './prediction.ts';

/** Bank → digest in hex. */
export type JsonDigests = { readonly [bank in HashName]?: string };

/** A predicted event in `measurements.json`. */
export interface JsonEvent {
  readonly type: string;
  readonly description: string;
  readonly digests: JsonDigests;
  readonly stage: BootStage;
  /** In hex, as a log shows them; facts of one boot, such as load addresses, are zero. */
  readonly data: string;
  readonly measuredText?: string;
  readonly source: PredictedEvent['source'];
  readonly clause: string;
  readonly dependsOn: readonly string[];
}

/** A register in `measurements.json`. */
export interface JsonRegister {
  readonly status: RegisterStatus;
  readonly reason: string;
  readonly covers: string;
  /** Absent where altee's rules alone give the value. */
  readonly trust?: Exclude<RegisterTrust, 'computed'>;
  readonly startupLocality?: number;
  readonly values: JsonDigests;
  readonly events: readonly JsonEvent[];
}

/** A platform's entry in `measurements.json`. */
export interface JsonPrediction {
  readonly banks: readonly HashName[];
  /** `PCR0` to `PCR15`. */
  readonly registers: Readonly<Record<string, JsonRegister>>;
}

/** The prediction as plain data for `measurements.json`; the same prediction always gives the same text. */
export function predictionToJson(prediction: Prediction): JsonPrediction {
  const registers = prediction.registers.map((register) => [register.register, registerToJson(register)]);
  return { banks: prediction.banks, registers: Object.fromEntries(registers) };
}

function registerToJson(register: RegisterPrediction): JsonRegister {
  const { status, reason, covers, values, events, startupLocality } = register;
  const trust = registerTrust(register);
  return {
    status,
    reason,
    covers,
    ...(trust === 'computed' ? {} : { trust }),
    ...(startupLocality === undefined ? {} : { startupLocality }),
    values: hexDigests(values),
    events: events.map(eventToJson),
  };
}

function eventToJson(event: PredictedEvent): JsonEvent {
  const { eventType, description, digests, stage, data, measuredText, source, clause, dependsOn } = event;
  return {
    type: eventType,
    description,
    digests: hexDigests(digests),
    stage,
    data: toHex(data),
    ...(measuredText === undefined ? {} : { measuredText }),
    source,
    clause,
    dependsOn,
  };
}

function hexDigests(digests: BankDigests): JsonDigests {
  return Object.fromEntries(Object.entries(digests).map(([bank, digest]) => [bank, toHex(digest)]));
}
