import type { SwtpmExchange } from './swtpm-log.ts';
import { TPM_HASHES, type TpmBank } from './tpm-algorithm.ts';

/** Digests of one extend by bank, as lower-case hexadecimal digits. */
export type DigestsByBank = Partial<Record<TpmBank, string>>;

/** What an exchange means for the PCRs. */
export type PcrEffect =
  | { kind: 'none' }
  /** The TPM was powered on: PCRs have no value until a startup. */
  | { kind: 'init' }
  | { kind: 'startup'; resume: boolean }
  | { kind: 'locality'; locality: number }
  /** One set of digests, but for a command that names a bank twice: the TPM then extends it twice. */
  | { kind: 'extend'; command: string; pcr: number; digests: readonly DigestsByBank[] }
  | { kind: 'reset'; pcr: number }
  | { kind: 'hash-start' }
  | { kind: 'hash-data'; data: Uint8Array }
  | { kind: 'hash-end' }
  | { kind: 'banks'; active: readonly TpmBank[] }
  | { kind: 'read'; values: readonly { bank: TpmBank; pcr: number; value: string }[] }
  /** It may have changed a PCR in a way that can't be told from the log. */
  | { kind: 'uninterpreted'; reason: string };

const NONE: PcrEffect = { kind: 'none' };
const TPM_RC_SUCCESS = 0;
/** TPM 2.0 Library, Part 2, 7.4: TPM_RH_NULL. */
const RH_NULL = 0x4000_0007;
/** TPM 2.0 Library, Part 2, 6.12: TPM_CAP_PCRS. */
const CAP_PCRS = 5;
const PCR_COUNT = 24;

/** TPM 2.0 Library, Part 2, 6.5.2 (TPM_CC): the commands that can change or show PCRs. */
type ReadEffect = (command: TpmCommand, response: TpmResponse) => PcrEffect;
const TPM_COMMANDS: ReadonlyMap<number, ReadEffect> = new Map<number, ReadEffect>([
  [0x012b, () => uninterpreted('TPM2_PCR_Allocate changes the banks')],
  [0x012f, () => uninterpreted('TPM2_FieldUpgradeStart replaces the TPM')],
  [0x0141, () => uninterpreted('TPM2_FieldUpgradeData replaces the TPM')],
  [0x013c, readPcrEvent],
  [0x013d, (command) => ({ kind: 'reset', pcr: pcrHandle(command.body) })],
  [0x0144, readStartup],
  [0x017a, readCapability],
  [0x017e, readPcrRead],
  [0x0182, readPcrExtend],
  [0x0185, readEventSequenceComplete],
]);

/** The first and last command codes of the Library, revision 1.59; others are a vendor's or of a later time. */
const FIRST_COMMAND = 0x011f;
const LAST_COMMAND = 0x019b;

/** tpm_ioctl.h of swtpm 0.7: commands of the control channel; those not named have no effect on PCRs. */
const CONTROL: ReadonlyMap<number, (command: WireReader) => PcrEffect> = new Map<
  number,
  (command: WireReader) => PcrEffect
>([
  [0x02, () => ({ kind: 'init' })],
  [0x05, (command) => ({ kind: 'locality', locality: command.u8() })],
  [0x06, () => ({ kind: 'hash-start' })],
  [0x07, (command) => ({ kind: 'hash-data', data: command.bytes(command.u32()) })],
  [0x08, () => ({ kind: 'hash-end' })],
  [0x0d, () => uninterpreted('the state of the TPM was replaced (CMD_SET_STATEBLOB)')],
]);
/** CMD_GET_CAPABILITY to CMD_LOCK_STORAGE. */
const LAST_CONTROL = 0x13;

interface TpmCommand {
  readonly code: number;
  readonly sessions: boolean;
  readonly body: WireReader;
}
interface TpmResponse {
  readonly sessions: boolean;
  readonly body: WireReader;
}

/**
 * What an exchange did to the PCRs. Only what the TPM answered with success counts. Bytes that don't parse as the
 * TPM must have parsed them make the exchange `uninterpreted`, never a guess.
 */
export function pcrEffect(exchange: SwtpmExchange): PcrEffect {
  try {
    return exchange.channel === 'control' ? controlEffect(exchange) : commandEffect(exchange);
  } catch (error) {
    if (error instanceof WireError) return uninterpreted(error.message);
    throw error;
  }
}

function controlEffect({ command, response }: SwtpmExchange): PcrEffect {
  const reader = new WireReader(command);
  const code = reader.u32();
  const read = CONTROL.get(code);
  if (read === undefined) {
    return code >= 1 && code <= LAST_CONTROL ? NONE : uninterpreted(`control command ${code} is not known`);
  }
  if (response === undefined) return uninterpreted(`control command ${code} has no response`);
  if (new WireReader(response).u32() !== 0) return NONE;
  return read(reader);
}

function commandEffect(exchange: SwtpmExchange): PcrEffect {
  const command = readHeader(exchange.command);
  const name = `command 0x${command.code.toString(16)}`;
  const known = command.code >= FIRST_COMMAND && command.code <= LAST_COMMAND;
  const read = TPM_COMMANDS.get(command.code);
  if (known && read === undefined) return NONE;
  if (exchange.response === undefined) return uninterpreted(`${name} has no response`);
  const response = readHeader(exchange.response);
  if (response.code !== TPM_RC_SUCCESS) return NONE;
  if (read === undefined) return uninterpreted(`${name} is not of the TPM 2.0 Library`);
  return read(command, response);
}

/** Part 1, 18.2 and 18.9: tag, size, and command or response code. */
function readHeader(bytes: Uint8Array): TpmCommand {
  const body = new WireReader(bytes);
  const tag = body.u16();
  if (tag !== 0x8001 && tag !== 0x8002) throw new WireError(`tag 0x${tag.toString(16)} is not a TPM 2.0 one`);
  const size = body.u32();
  if (size !== bytes.length) throw new WireError(`size ${size} differs from the ${bytes.length} bytes sent`);
  return { code: body.u32(), sessions: tag === 0x8002, body };
}

function readStartup(command: TpmCommand): PcrEffect {
  return { kind: 'startup', resume: command.body.u16() === 1 };
}

/** Part 3, 22.2: pcrHandle, authorisations, TPML_DIGEST_VALUES. */
function readPcrExtend(command: TpmCommand): PcrEffect {
  const handle = command.body.u32();
  if (handle === RH_NULL) return NONE;
  skipAuthorisations(command);
  const digests = readDigestValues(command.body);
  command.body.end();
  return { kind: 'extend', command: 'TPM2_PCR_Extend', pcr: checkPcr(handle), digests };
}

/** Part 3, 22.3: the TPM hashes the data itself and answers with the digests that it extended. */
function readPcrEvent(command: TpmCommand, response: TpmResponse): PcrEffect {
  const handle = command.body.u32();
  if (handle === RH_NULL) return NONE;
  const digests = readResponseDigests(response);
  return { kind: 'extend', command: 'TPM2_PCR_Event', pcr: checkPcr(handle), digests };
}

/** Part 3, 17.7: as TPM2_PCR_Event, for data that came in pieces. */
function readEventSequenceComplete(command: TpmCommand, response: TpmResponse): PcrEffect {
  const handle = command.body.u32();
  if (handle === RH_NULL) return NONE;
  const digests = readResponseDigests(response);
  return { kind: 'extend', command: 'TPM2_EventSequenceComplete', pcr: checkPcr(handle), digests };
}

/** Part 3, 30.2: which banks the TPM says it keeps; a bank without any PCR selected is off. */
function readCapability(command: TpmCommand, { body }: TpmResponse): PcrEffect {
  if (command.body.u32() !== CAP_PCRS) return NONE;
  body.u8();
  if (body.u32() !== CAP_PCRS) return NONE;
  const selections = readSelections(body);
  return { kind: 'banks', active: selections.filter(({ pcrs }) => pcrs.length > 0).map(({ bank }) => bank) };
}

/** Part 3, 22.4: the values that the TPM gave out, in the order of the selection that it answered with. */
function readPcrRead(_command: TpmCommand, { body, sessions }: TpmResponse): PcrEffect {
  if (sessions) body.u32();
  body.u32();
  const wanted = readSelections(body).flatMap(({ bank, pcrs }) => pcrs.map((pcr) => ({ bank, pcr })));
  const count = body.u32();
  if (count !== wanted.length)
    throw new WireError(`TPM2_PCR_Read gives ${count} values for ${wanted.length} PCRs`);
  return { kind: 'read', values: wanted.map((place) => ({ ...place, value: body.hex(body.u16()) })) };
}

function readSelections(body: WireReader): { bank: TpmBank; pcrs: number[] }[] {
  return Array.from({ length: readCount(body, 16) }, () => {
    const { bank } = readHash(body);
    const select = body.bytes(body.u8());
    const pcrs = Array.from({ length: select.length * 8 }, (_, pcr) => pcr);
    return { bank, pcrs: pcrs.filter((pcr) => (((select[pcr >> 3] ?? 0) >> (pcr & 7)) & 1) === 1) };
  });
}

function readResponseDigests({ body, sessions }: TpmResponse): DigestsByBank[] {
  if (sessions) body.u32();
  return readDigestValues(body);
}

/** Part 2, 10.9.7: TPML_DIGEST_VALUES. */
function readDigestValues(body: WireReader): DigestsByBank[] {
  const sets: DigestsByBank[] = [];
  const count = readCount(body, 16);
  for (let i = 0; i < count; i += 1) {
    const { bank, size } = readHash(body);
    let set = sets.find((digests) => digests[bank] === undefined);
    if (set === undefined) {
      set = {};
      sets.push(set);
    }
    set[bank] = body.hex(size);
  }
  return sets;
}

function readHash(body: WireReader) {
  const algorithm = body.u16();
  const hash = TPM_HASHES.get(algorithm);
  if (hash === undefined) throw new WireError(`algorithm 0x${algorithm.toString(16)} is not a known hash`);
  return hash;
}

function readCount(body: WireReader, most: number): number {
  const count = body.u32();
  if (count > most) throw new WireError(`a list of ${count} is longer than the TPM allows`);
  return count;
}

function skipAuthorisations(command: TpmCommand): void {
  if (command.sessions) command.body.bytes(command.body.u32());
}

function pcrHandle(body: WireReader): number {
  return checkPcr(body.u32());
}

function checkPcr(handle: number): number {
  if (handle >= PCR_COUNT) throw new WireError(`handle 0x${handle.toString(16)} is not a PCR`);
  return handle;
}

function uninterpreted(reason: string): PcrEffect {
  return { kind: 'uninterpreted', reason };
}

class WireError extends Error {}

/** Big-endian fields in the order of the wire. */
class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#number(1);
  }
  u16(): number {
    return this.#number(2);
  }
  u32(): number {
    return this.#number(4);
  }
  bytes(length: number): Uint8Array {
    const rest = this.#bytes.length - this.#at;
    if (length > rest) throw new WireError(`needs ${length} bytes at ${this.#at}, ${rest} remain`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  hex(length: number): string {
    return Array.from(this.bytes(length), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
  end(): void {
    const rest = this.#bytes.length - this.#at;
    if (rest !== 0) throw new WireError(`${rest} bytes remain at ${this.#at}`);
  }
  #number(length: number): number {
    return this.bytes(length).reduce((value, byte) => value * 256 + byte, 0);
  }
}
