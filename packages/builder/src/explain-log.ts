import { open } from 'node:fs/promises';
import {
  digestSizes,
  type EventLogFile,
  type Explanation,
  explainLog,
  findQuirks,
  type HashName,
  hashNames,
  type LogQuirk,
  MeasureError,
  type ObservedEvent,
  observeEvents,
  parseMeasurements,
  parsePcrValues,
  parseTdxQuote,
  type ReadValues,
  type RecordedPrediction,
  type ReplayedPcrs,
  readEventLog,
  registerName,
  replayEventLog,
  type SolvedRam,
  solveRam,
  toHex,
} from '@altee/measure';
import { BuilderError } from './error.ts';
import { nativeHasher } from './platform/native-hasher.ts';

export interface ExplainRequest {
  /** The event log; its kind is told from its bytes. */
  readonly logFile: string;
  /** A `measurements.json` to compare with. */
  readonly against?: string;
  /** One of its platforms; may be left out when there is only one that fits. */
  readonly platform?: string;
  /** Register values that were read from the machine: text of `tpm2_pcrread`, JSON, or a list. */
  readonly pcrsFile?: string;
  /** A TDX quote, whose registers count as read. */
  readonly quoteFile?: string;
}

/** A register's value from the log and from the machine, in hex. */
export interface ReplayedRegister {
  readonly register: string;
  readonly registerIndex: number;
  readonly bank: HashName;
  readonly replayed: string;
  /** False where no event extends the register; `replayed` is then its value after a reset. */
  readonly isLogged: boolean;
  /** What was read; absent when no values were given. */
  readonly read: string | undefined;
}

export interface ExplainResult {
  readonly log: EventLogFile;
  readonly events: readonly ObservedEvent[];
  readonly quirks: readonly LogQuirk[];
  readonly replayed: ReplayedPcrs;
  readonly registers: readonly ReplayedRegister[];
  /** RAM, where the log's TD HOB gives it away. */
  readonly ram: SolvedRam | undefined;
  /** Present with `against`. */
  readonly comparison:
    | {
        readonly platform: string;
        readonly prediction: RecordedPrediction;
        readonly explanation: Explanation;
      }
    | undefined;
}

/** Logs of firmware have kilobytes; what a running system adds to them, some megabytes. */
const MAX_LOG_BYTES = 64 << 20;
const MAX_TEXT_BYTES = 64 << 20;

/**
 * `altee explain`: reads an event log, replays it, and puts it beside a prediction or values that were read. Throws
 * `invalid-input` for files that can't be read or understood.
 */
export async function explainEventLog(request: ExplainRequest): Promise<ExplainResult> {
  const { logFile, against, platform, pcrsFile, quoteFile } = request;
  const bytes = await readBounded(logFile, MAX_LOG_BYTES);
  const log = asked(logFile, () => readEventLog(bytes));
  const values = await readValues(pcrsFile, quoteFile, log);
  const recorded = against === undefined ? undefined : await readPrediction(against, platform, log);
  const replayed = replayEventLog(log.log, nativeHasher);
  const events = observeEvents(log, nativeHasher);
  return {
    log,
    events,
    quirks: findQuirks(log),
    replayed,
    registers: compareRegisters(log, replayed, values),
    ram: findRam(events),
    comparison: recorded && {
      ...recorded,
      explanation: explainLog(recorded.prediction, log, { values, hasher: nativeHasher }),
    },
  };
}

/** Registers that the log extends, and those that were read: what is not logged should be as after a reset. */
function compareRegisters(
  { registers, log }: EventLogFile,
  replayed: ReplayedPcrs,
  values: ReadValues | undefined,
): ReplayedRegister[] {
  const banks = new Set([...replayed.keys(), ...(values ? hashNames.filter((bank) => values[bank]) : [])]);
  return [...banks].flatMap((bank) => {
    const logged = replayed.get(bank);
    const isLoggedBank = log.algorithms.some(({ name }) => name === bank);
    const read = isLoggedBank ? (values?.[bank] ?? {}) : {};
    const indices = new Set([...(logged?.keys() ?? []), ...Object.keys(read).map(Number)]);
    return (
      [...indices]
        .toSorted((a, b) => a - b)
        .map((registerIndex) => {
          const value = logged?.get(registerIndex);
          return {
            register: registerName(registers, registerIndex),
            registerIndex,
            bank,
            replayed: value ? toHex(value) : afterReset(registers, registerIndex, digestSizes[bank]),
            isLogged: value !== undefined,
            read: read[registerIndex],
          };
        })
        // MRTD is measured at launch, and no log can tell it.
        .filter(({ register }) => register !== 'MRTD')
    );
  });
}

/** PCR 17 to 22 hold ones until a dynamic launch (PC Client Platform TPM Profile 1.06, 4.6.2), all others zeros. */
function afterReset(registers: EventLogFile['registers'], index: number, size: number): string {
  return (registers === 'pcr' && index >= 17 && index <= 22 ? 'ff' : '00').repeat(size);
}

function findRam(events: readonly ObservedEvent[]): SolvedRam | undefined {
  const hob = events.find(
    ({ untrustedType, said }) => untrustedType === 'EV_EFI_HANDOFF_TABLES2' && said.text.includes('TdxTable'),
  );
  const digest = hob?.event.digests.get('sha384');
  return digest && solveRam(digest, nativeHasher);
}

async function readPrediction(
  file: string,
  wanted: string | undefined,
  log: EventLogFile,
): Promise<{ platform: string; prediction: RecordedPrediction }> {
  const text = new TextDecoder().decode(await readBounded(file, MAX_TEXT_BYTES));
  const { platforms } = asked(file, () => parseMeasurements(text));
  const known = [...platforms].flatMap(([name, entry]) =>
    'prediction' in entry ? [{ name, prediction: entry.prediction }] : [],
  );
  const technology = log.registers === 'cc' ? 'tdx' : 'tpm';
  const fitting = known.filter(({ prediction }) => prediction.technology === technology);
  const names = known.map(({ name }) => name).join(', ') || 'none';
  if (wanted !== undefined) {
    const found = known.find(({ name }) => name === wanted);
    if (found) return { platform: found.name, prediction: found.prediction };
    const entry = platforms.get(wanted);
    const why =
      entry && 'unsupported' in entry ? entry.unsupported : `"${file}" has predictions for: ${names}`;
    throw new BuilderError('invalid-input', `There is no prediction for platform "${wanted}"`, { hint: why });
  }
  const [only, ...others] = fitting;
  if (!only)
    throw new BuilderError(
      'invalid-input',
      `"${file}" predicts no ${technology === 'tdx' ? 'TDX' : 'TPM'} registers, which the log is of`,
      {
        hint: `It has predictions for: ${names}`,
      },
    );
  if (others.length > 0)
    throw new BuilderError('invalid-input', `"${file}" has several platforms that the log could be of`, {
      hint: `Choose one with --platform: ${fitting.map(({ name }) => name).join(', ')}`,
    });
  return { platform: only.name, prediction: only.prediction };
}

async function readValues(
  pcrsFile: string | undefined,
  quoteFile: string | undefined,
  { registers }: EventLogFile,
): Promise<ReadValues | undefined> {
  if (quoteFile !== undefined) {
    if (registers !== 'cc')
      throw new BuilderError('invalid-input', 'A TDX quote holds no PCRs, which the log is of');
    const bytes = await readBounded(quoteFile, MAX_LOG_BYTES);
    const { mrtd, rtmrs } = asked(quoteFile, () => parseTdxQuote(bytes));
    return { sha384: Object.fromEntries([mrtd, ...rtmrs].map((value, index) => [index, toHex(value)])) };
  }
  if (pcrsFile === undefined) return undefined;
  if (registers !== 'pcr')
    throw new BuilderError('invalid-input', 'The log is of RTMRs: give a quote, not PCR values');
  const text = new TextDecoder().decode(await readBounded(pcrsFile, MAX_TEXT_BYTES));
  return asked(pcrsFile, () => parsePcrValues(text));
}

/** Files of /sys tell no size, and devices never end: reading stops by itself. */
async function readBounded(file: string, limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const handle = await open(file, 'r');
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(1 << 16), 0, 1 << 16, null);
        if (bytesRead === 0) break;
        length += bytesRead;
        if (length > limit)
          throw new BuilderError(
            'invalid-input',
            `"${file}" is larger than ${limit >> 20} MiB, which none of its kind is`,
          );
        chunks.push(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof BuilderError) throw cause;
    throw new BuilderError('invalid-input', `Cannot read "${file}"`, { cause });
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function asked<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    throw new BuilderError('invalid-input', `Cannot read "${file}": ${error.message}`, { cause: error });
  }
}
