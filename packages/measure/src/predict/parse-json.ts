import { fromHex } from '../bytes/hex.ts';
import { digestSizes, type HashName, hashNames } from '../hash.ts';
import type { BankDigests } from '../tpm/bank.ts';
import { excerpt, list, malformed, object, oneOf, string } from './json-value.ts';
import {
  type BootStage,
  bootStages,
  type EventSource,
  type PredictedEvent,
  type RegisterName,
  type RegisterPrediction,
  type RegisterStatus,
  type Technology,
} from './prediction.ts';

/** A predicted event as `measurements.json` keeps it. Files of early versions have neither stages nor data. */
export type RecordedEvent = Pick<
  PredictedEvent,
  'register' | 'registerIndex' | 'digests' | 'source' | 'clause' | 'description' | 'measuredText'
> & {
  readonly stage?: BootStage | undefined;
  readonly data?: Uint8Array | undefined;
  /** A name of {@link PredictedEvent.eventType}; unchecked. */
  readonly eventType: string;
  readonly dependsOn: readonly string[];
};

/** A register as `measurements.json` keeps it. */
export type RecordedRegister = Omit<RegisterPrediction, 'events'> & {
  readonly events: readonly RecordedEvent[];
};

/** A prediction as `measurements.json` keeps it; every `Prediction` is one, too. */
export interface RecordedPrediction {
  readonly technology: Technology;
  readonly banks: readonly HashName[];
  readonly registers: readonly RecordedRegister[];
}

/** Far more than any machine has; beyond it a file is hostile. */
const MAX_REGISTERS = 64;

/**
 * Reads back what `predictionToJson` writes, from parsed JSON of unknown origin. Which technology it is follows from
 * the registers' names. Keys that are not known are ignored. Throws `malformed`, naming the place.
 *
 * The digests are taken as they stand: whether events and values agree is not asked.
 */
export function parsePredictionJson(json: unknown, at = 'prediction'): RecordedPrediction {
  const { banks: bankList, registers: registerMap } = object(json, at);
  const banks = list(bankList, `${at}.banks`).map((bank, i) => oneOf(bank, hashNames, `${at}.banks[${i}]`));
  if (banks.length === 0 || new Set(banks).size !== banks.length)
    throw malformed(`${at}.banks`, 'names no bank, or one twice');
  const entries = Object.entries(object(registerMap, `${at}.registers`));
  if (entries.length === 0 || entries.length > MAX_REGISTERS)
    throw malformed(`${at}.registers`, `has ${entries.length} registers`);
  const technologies = new Set(entries.flatMap(([name]) => registerFacts(name)?.technology ?? []));
  const [technology] = technologies;
  if (technologies.size > 1) throw malformed(`${at}.registers`, 'mixes registers of several technologies');
  const registers = entries.map(([name, register]) =>
    parseRegister(name, register, banks, `${at}.registers.${excerpt(name)}`),
  );
  if (technology === undefined) throw malformed(`${at}.registers`, 'names no register');
  return { technology, banks, registers };
}

const statuses = [
  'predicted',
  'assumed',
  'host-dependent',
  'unpredictable',
  'not-predicted',
] as const satisfies readonly RegisterStatus[];

function parseRegister(
  name: string,
  json: unknown,
  banks: readonly HashName[],
  at: string,
): RecordedRegister {
  const facts = registerFacts(name);
  if (!facts) throw malformed(at, 'is no register');
  const { status: statusText, reason, covers, values, events, startupLocality } = object(json, at);
  const status = oneOf(statusText, statuses, `${at}.status`);
  const identity = { register: facts.register, registerIndex: facts.registerIndex };
  const result: RecordedRegister = {
    ...identity,
    status,
    reason: string(reason, `${at}.reason`),
    covers: string(covers, `${at}.covers`),
    ...(startupLocality === undefined
      ? {}
      : { startupLocality: locality(startupLocality, `${at}.startupLocality`) }),
    values: digests(values, `${at}.values`),
    events: list(events, `${at}.events`).map((event, i) => parseEvent(event, identity, `${at}.events[${i}]`)),
  };
  const isKnown = status === 'predicted' || status === 'assumed';
  if (isKnown && banks.some((bank) => result.values[bank] === undefined))
    throw malformed(`${at}.values`, 'lacks a value that the status promises');
  if (!isKnown && (result.events.length > 0 || Object.keys(result.values).length > 0))
    throw malformed(at, `has events or values, but is ${status}`);
  return result;
}

function locality(json: unknown, at: string): number {
  if (Number.isInteger(json) && Number(json) >= 0 && Number(json) <= 0xff) return Number(json);
  throw malformed(at, 'must be a byte');
}

function parseEvent(
  json: unknown,
  register: Pick<RecordedRegister, 'register' | 'registerIndex'>,
  at: string,
): RecordedEvent {
  const { type, description, digests: byBank, source, clause, dependsOn, ...rest } = object(json, at);
  return {
    ...register,
    eventType: string(type, `${at}.type`),
    description: string(description, `${at}.description`),
    digests: digests(byBank, `${at}.digests`),
    source: parseSource(source, `${at}.source`),
    clause: string(clause, `${at}.clause`),
    dependsOn: list(dependsOn, `${at}.dependsOn`).map((each, i) => string(each, `${at}.dependsOn[${i}]`)),
    ...parseOptional(rest, at),
  };
}

function parseOptional(
  { stage, data, measuredText }: Readonly<Record<string, unknown>>,
  at: string,
): Pick<RecordedEvent, 'stage' | 'data' | 'measuredText'> {
  return {
    ...(stage === undefined ? {} : { stage: oneOf(stage, bootStages, `${at}.stage`) }),
    ...(data === undefined ? {} : { data: hexBytes(data, `${at}.data`) }),
    ...(measuredText === undefined ? {} : { measuredText: string(measuredText, `${at}.measuredText`) }),
  };
}

function hexBytes(json: unknown, at: string): Uint8Array {
  // A log's own data, which nothing bounds but the file.
  const text = string(json, at, Number.POSITIVE_INFINITY);
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw malformed(at, 'must be lower-case hex digits');
  return fromHex(text);
}

/** The fields of each kind of source, beside `kind`. */
const sourceFields: Readonly<
  Record<EventSource['kind'], Readonly<Record<string, 'string' | 'number' | 'list'>>>
> = {
  constant: { text: 'string' },
  image: { length: 'number' },
  section: { section: 'string', part: 'string', offset: 'number', length: 'number' },
  sections: { sections: 'list', length: 'number' },
  'partition-table': { partitions: 'number' },
  variable: { name: 'string' },
  firmware: { part: 'string', offset: 'number', length: 'number' },
  fw_cfg: { file: 'string', length: 'number' },
  computed: { from: 'string', length: 'number' },
  'reference-log': { index: 'number' },
  machine: { fact: 'string' },
};
const sectionParts = ['name', 'contents', 'authenticode'];

function parseSource(json: unknown, at: string): EventSource {
  const source = object(json, at);
  const kind = oneOf(source['kind'], Object.keys(sourceFields) as EventSource['kind'][], `${at}.kind`);
  const fields = Object.entries(sourceFields[kind]).map(([name, type]): [string, unknown] => {
    const value = source[name];
    const place = `${at}.${name}`;
    if (type === 'string') return [name, string(value, place)];
    if (type === 'list') return [name, list(value, place).map((each) => string(each, place))];
    if (!Number.isSafeInteger(value) || Number(value) < 0) throw malformed(place, 'must be a whole number');
    return [name, value];
  });
  if (kind === 'section') oneOf(source['part'], sectionParts, `${at}.part`);
  // Checked field by field against the table, whose keys are the union's kinds.
  return { kind, ...Object.fromEntries(fields) } as EventSource;
}

interface RegisterFacts {
  readonly technology: Technology;
  readonly register: RegisterName;
  readonly registerIndex: number;
}

function registerFacts(name: string): RegisterFacts | undefined {
  if (name === 'MRTD') return { technology: 'tdx', register: name, registerIndex: 0 };
  if (name === 'LAUNCH_DIGEST') return { technology: 'snp', register: name, registerIndex: 0 };
  // A TPM has 24 PCRs (PC Client Platform TPM Profile 1.06, 4.6.2); a TDX module four RTMRs.
  const [, kind, digits] = /^(PCR|RTMR)(0|[1-9]\d?)$/.exec(name) ?? [];
  const index = Number(digits);
  if (kind === 'PCR' && index < 24)
    return { technology: 'tpm', register: `PCR${index}`, registerIndex: index };
  if (kind === 'RTMR' && index < 4)
    return { technology: 'tdx', register: `RTMR${index}`, registerIndex: index + 1 };
  return undefined;
}

function digests(json: unknown, at: string): BankDigests {
  const entries = Object.entries(object(json, at)).map(([name, hex]): [HashName, Uint8Array] => {
    const bank = oneOf(name, hashNames, `${at}.${excerpt(name)}`);
    const text = string(hex, `${at}.${bank}`);
    if (text.length !== 2 * digestSizes[bank] || !/^[0-9a-f]*$/.test(text))
      throw malformed(`${at}.${bank}`, `must be ${2 * digestSizes[bank]} lower-case hex digits`);
    return [bank, fromHex(text)];
  });
  return Object.fromEntries(entries);
}
