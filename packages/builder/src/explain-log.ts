import {
  digestSizes,
  type EventLogFile,
  type Explanation,
  explainLog,
  findQuirks,
  fromHex,
  type HashName,
  hashNames,
  isDebugTd,
  type LogQuirk,
  looksLikeTdxQuote,
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
  type TdxQuote,
  toHex,
} from '@altee/measure';
import { BuilderError } from './error.ts';
import { nativeHasher } from './platform/native-hasher.ts';
import { measurementsIn, readInput } from './read-input.ts';

export interface ExplainRequest {
  /** The event log; its kind is told from its bytes. */
  readonly logFile: string;
  /** A `measurements.json` to compare with, or the folder of one. */
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
  /** RAM, where the log's TD HOB gives it away. `isRead` where the register that holds it was read, and agrees. */
  readonly ram: (SolvedRam & { readonly isRead: boolean }) | undefined;
  /** Present with `quoteFile`. */
  readonly quote: UnverifiedQuote | undefined;
  /** Present with `against`. */
  readonly comparison:
    | {
        readonly platform: string;
        readonly prediction: RecordedPrediction;
        readonly explanation: Explanation;
      }
    | undefined;
}

/** What a quote says. Neither its signature nor its certificates were checked. */
export interface UnverifiedQuote {
  readonly quote: TdxQuote;
  /** The host may look into the TD and change it, so that its registers prove nothing. */
  readonly isDebug: boolean;
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
  const bytes = await readInput(logFile, MAX_LOG_BYTES);
  const log = readLog(logFile, bytes);
  const quote = quoteFile === undefined ? undefined : await readQuote(quoteFile, log);
  const values = quote ? valuesOf(quote) : await readValues(pcrsFile, log);
  const recorded = against === undefined ? undefined : await readPrediction(against, platform, log);
  const replayed = replayEventLog(log.log, nativeHasher);
  const events = observeEvents(log, nativeHasher);
  const registers = compareRegisters(log, replayed, values);
  const ram = findRam(events);
  return {
    log,
    events,
    quirks: findQuirks(log),
    replayed,
    registers,
    ram: ram && { ...ram, isRead: registers.some(isReadRtmr0) },
    quote: quote && { quote, isDebug: isDebugTd(quote) },
    comparison: recorded && {
      ...recorded,
      explanation: explainLog(recorded.prediction, log, { values, hasher: nativeHasher }),
    },
  };
}

/** The TD HOB is measured to RTMR0: only its value, once read, makes the log's word the machine's. */
function isReadRtmr0({ register, bank, replayed, read }: ReplayedRegister): boolean {
  return register === 'RTMR0' && bank === 'sha384' && read === replayed;
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
  given: string,
  wanted: string | undefined,
  log: EventLogFile,
): Promise<{ platform: string; prediction: RecordedPrediction }> {
  const file = await measurementsIn(given);
  const text = new TextDecoder().decode(await readInput(file, MAX_TEXT_BYTES));
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

function readLog(file: string, bytes: Uint8Array): EventLogFile {
  if (looksLikeTdxQuote(bytes))
    throw new BuilderError('invalid-input', `"${file}" is no event log: this is a TDX quote`, {
      hint: 'Give the event log first, and the quote with --quote',
    });
  return asked(file, () => readEventLog(bytes), textOf(bytes) === undefined ? undefined : LOG_IS_TEXT);
}

const LOG_IS_TEXT =
  'This is text; event logs are binary (or JSON, if canonical), as in /sys/kernel/security/tpm0/binary_bios_measurements';
const QUOTE_IS_TEXT = 'This is text; the binary quote is expected, or its bytes in hex and nothing else';

async function readQuote(file: string, { registers }: EventLogFile): Promise<TdxQuote> {
  if (registers !== 'cc')
    throw new BuilderError('invalid-input', 'A TDX quote holds no PCRs, which the log is of');
  const bytes = await readInput(file, MAX_LOG_BYTES);
  const text = textOf(bytes);
  if (text === undefined) return asked(file, () => parseTdxQuote(bytes));
  const hex = text.replace(/^\s*0x/i, '').replace(/\s+/g, '');
  if (hex === '' || hex.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(hex))
    throw new BuilderError('invalid-input', `"${file}" is no TDX quote`, { hint: QUOTE_IS_TEXT });
  return asked(file, () => parseTdxQuote(fromHex(hex)), QUOTE_IS_TEXT);
}

/** The bytes as text, if they are some: a binary file has zeros or other controls at its beginning. */
function textOf(bytes: Uint8Array): string | undefined {
  const isControl = (byte: number): boolean => byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d);
  if (bytes.length === 0 || bytes.subarray(0, 4096).some(isControl)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function valuesOf({ mrtd, rtmrs }: TdxQuote): ReadValues {
  return { sha384: Object.fromEntries([mrtd, ...rtmrs].map((value, index) => [index, toHex(value)])) };
}

async function readValues(
  pcrsFile: string | undefined,
  { registers }: EventLogFile,
): Promise<ReadValues | undefined> {
  if (pcrsFile === undefined) return undefined;
  if (registers !== 'pcr')
    throw new BuilderError('invalid-input', 'The log is of RTMRs: give a quote, not PCR values');
  const text = new TextDecoder().decode(await readInput(pcrsFile, MAX_TEXT_BYTES));
  return asked(pcrsFile, () => parsePcrValues(text));
}

function asked<T>(file: string, read: () => T, hint?: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MeasureError)) throw error;
    throw new BuilderError('invalid-input', `Cannot read "${file}": ${error.message}`, {
      cause: error,
      ...(hint !== undefined && { hint }),
    });
  }
}
