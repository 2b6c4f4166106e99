import { createHash } from 'node:crypto';
import { parseSwtpmLog } from './swtpm-log.ts';
import { HASH_OF_BANK, type TpmBank } from './tpm-algorithm.ts';
import { type DigestsByBank, type PcrEffect, pcrEffect } from './tpm-exchange.ts';

/** One extend that the TPM carried out. */
export interface TpmExtend {
  readonly pcr: number;
  readonly digests: DigestsByBank;
  /** `TPM2_PCR_Extend`, `TPM2_PCR_Event`, `TPM2_EventSequenceComplete`, or `_TPM_Hash_End`. */
  readonly command: string;
  /** Line of swtpm's log, from 1. */
  readonly line: number;
}

/** What the TPM received since it was last started, taken from its own log and not from the guest. */
export interface TpmView {
  /** How often the TPM was started: once in a boot; 0 where the machine was stopped before the firmware did. */
  readonly startups: number;
  /** The banks that the TPM said it keeps; all that were extended where nobody asked it. */
  readonly banks: readonly TpmBank[];
  readonly extends: readonly TpmExtend[];
  /** PCR 0 to 23 of each bank, replayed. */
  readonly pcrs: Partial<Record<TpmBank, readonly string[]>>;
  /** Why the values may be wrong, one sentence each; empty where everything was understood. */
  readonly uninterpreted: readonly string[];
}

const PCR_COUNT = 24;
const MAX_DOUBTS = 50;
/** PC Client Platform TPM Profile 1.05, table 4: those that only a D-RTM sets start as all ones. */
const DYNAMIC_PCRS = [17, 18, 19, 20, 21, 22];
const HCRTM_PCR = 0;
const DRTM_PCR = 17;

/** Reads swtpm's log and replays it. Throws `machine-failed` where the log itself is malformed. */
export function readTpmView(log: string): TpmView {
  const replay = new Replay();
  for (const exchange of parseSwtpmLog(log).exchanges) replay.apply(pcrEffect(exchange), exchange.line);
  return replay.view();
}

/** An operation on the PCRs; applied to each bank with the digests of that bank. */
type Operation =
  | { kind: 'set'; pcr: number; fill: number; last: number }
  | { kind: 'extend'; pcr: number; digests: DigestsByBank };

class Replay {
  #startups = 0;
  #started = false;
  #locality = 0;
  #hashData: Uint8Array[] | undefined;
  #hcrtm: Uint8Array | undefined;
  #banks: readonly TpmBank[] | undefined;
  #operations: Operation[] = [];
  #extends: TpmExtend[] = [];
  #uninterpreted: string[] = [];

  apply(effect: PcrEffect, line: number): void {
    switch (effect.kind) {
      case 'none':
        return;
      case 'init':
        this.#started = false;
        this.#hcrtm = undefined;
        this.#hashData = undefined;
        return;
      case 'locality':
        this.#locality = effect.locality;
        return;
      case 'startup':
        this.#startup(effect.resume, line);
        return;
      case 'extend':
        if (!this.#started) this.#doubt(`line ${line}: an extend of a TPM that was not started`);
        for (const digests of effect.digests) this.#extend(effect.pcr, digests, effect.command, line);
        return;
      case 'reset':
        this.#operations.push({ kind: 'set', pcr: effect.pcr, fill: 0, last: 0 });
        return;
      case 'hash-start':
        this.#hashData = [];
        return;
      case 'hash-data':
        this.#hashData?.push(effect.data);
        return;
      case 'hash-end':
        this.#hashEnd(line);
        return;
      case 'banks':
        this.#banks = effect.active;
        return;
      case 'read':
        this.#compare(effect.values, line);
        return;
      case 'uninterpreted':
        this.#doubt(`line ${line}: ${effect.reason}`);
        return;
    }
  }

  /** One is enough to doubt all values; a guest must not make thousands of lines of them. */
  #doubt(reason: string): void {
    if (this.#uninterpreted.length < MAX_DOUBTS) this.#uninterpreted.push(reason);
    else this.#uninterpreted[MAX_DOUBTS] = 'and more, which are not listed';
  }

  view(): TpmView {
    const banks = this.#banks ?? this.#extendedBanks();
    const pcrs: Partial<Record<TpmBank, readonly string[]>> = {};
    for (const bank of banks) pcrs[bank] = this.#values(bank);
    return {
      startups: this.#startups,
      banks,
      extends: this.#extends,
      pcrs,
      uninterpreted: this.#uninterpreted,
    };
  }

  /** TPM 2.0 Library, Part 3, 9.3. What came before a startup is gone with it. */
  #startup(resume: boolean, line: number): void {
    this.#startups += 1;
    this.#started = true;
    this.#banks = undefined;
    this.#uninterpreted = [];
    this.#extends = [];
    this.#operations = DYNAMIC_PCRS.map((pcr) => ({ kind: 'set', pcr, fill: 0xff, last: 0xff }));
    if (resume) this.#doubt(`line ${line}: the TPM resumed a state that the log does not show`);
    // Part 1, 34.3: PCR 0 starts with the locality of the startup, or with 4 where an H-CRTM went before.
    if (this.#hcrtm !== undefined) {
      this.#operations.push({ kind: 'set', pcr: HCRTM_PCR, fill: 0, last: 4 });
      this.#hash(HCRTM_PCR, this.#hcrtm, line);
    } else if (this.#locality !== 0) {
      this.#operations.push({ kind: 'set', pcr: HCRTM_PCR, fill: 0, last: this.#locality });
    }
  }

  /** Part 3, 22.9 (_TPM_Hash_End): before a startup an H-CRTM, after it a D-RTM, which resets its PCRs. */
  #hashEnd(line: number): void {
    if (this.#hashData === undefined) return;
    const data = Buffer.concat(this.#hashData);
    this.#hashData = undefined;
    if (!this.#started) {
      this.#hcrtm = data;
      return;
    }
    for (const pcr of DYNAMIC_PCRS) this.#operations.push({ kind: 'set', pcr, fill: 0, last: 0 });
    this.#hash(DRTM_PCR, data, line);
  }

  #hash(pcr: number, data: Uint8Array, line: number): void {
    const digests: DigestsByBank = {};
    for (const { bank, openssl } of HASH_OF_BANK.values())
      digests[bank] = hash(openssl, data).toString('hex');
    this.#extend(pcr, digests, '_TPM_Hash_End', line);
  }

  #extend(pcr: number, digests: DigestsByBank, command: string, line: number): void {
    this.#extends.push({ pcr, digests, command, line });
    this.#operations.push({ kind: 'extend', pcr, digests });
  }

  /** Whoever reads a PCR shows what the TPM holds: a replay that differs has missed something. */
  #compare(values: readonly { bank: TpmBank; pcr: number; value: string }[], line: number): void {
    const replayed = new Map<TpmBank, readonly string[]>();
    for (const { bank, pcr, value } of values) {
      if (!replayed.has(bank)) replayed.set(bank, this.#values(bank));
      if (replayed.get(bank)?.[pcr] !== value) {
        this.#doubt(`line ${line}: the TPM holds another value in PCR ${pcr} (${bank})`);
      }
    }
  }

  #extendedBanks(): TpmBank[] {
    const named = new Set(this.#extends.flatMap(({ digests }) => Object.keys(digests)));
    return [...HASH_OF_BANK.keys()].filter((bank) => named.has(bank));
  }

  #values(bank: TpmBank): string[] {
    const found = HASH_OF_BANK.get(bank);
    if (found === undefined) return [];
    const { size, openssl } = found;
    const pcrs = Array.from({ length: PCR_COUNT }, (): Uint8Array => Buffer.alloc(size));
    for (const operation of this.#operations) {
      const { pcr } = operation;
      if (operation.kind === 'set') {
        const value = Buffer.alloc(size, operation.fill);
        value[size - 1] = operation.last;
        pcrs[pcr] = value;
        continue;
      }
      const digest = operation.digests[bank];
      if (digest === undefined) continue;
      pcrs[pcr] = hash(openssl, Buffer.concat([pcrs[pcr] ?? Buffer.alloc(size), Buffer.from(digest, 'hex')]));
    }
    return pcrs.map((value) => Buffer.from(value).toString('hex'));
  }
}

function hash(algorithm: string, data: Uint8Array): Buffer {
  return createHash(algorithm).update(data).digest();
}
