import { MeasureError } from '../error.ts';
import { type Hasher, hash } from '../hash.ts';
import { areProven, type OvmfEvidence, type OvmfTraits, ovmfTraits, readOvmfTraits } from '../tdx/ovmf.ts';
import { parseTdvf, type TdvfSection } from '../tdx/tdvf.ts';
import type { Known, RegisterAnswer } from './context.ts';
import type { PredictedEvent, RegisterName, RegisterStatus } from './prediction.ts';
import type { Measurable, TdxFirmware, TdxMachine, TdxPredictionInput } from './tdx-machine.ts';

/** What the rules of every register of a TD look at. */
export interface TdxContext extends TdxPredictionInput {
  readonly hasher: Hasher;
  readonly sections: Known<readonly TdvfSection[]>;
  readonly traits: Known<OvmfTraits>;
  /** False where no real TD was compared with what this firmware does. */
  readonly proven: boolean;
}

/** A stretch of a register: its events, and the doubts about them; or why there are none. */
export type Part =
  | { readonly events: readonly PredictedEvent[]; readonly doubts?: readonly string[] }
  | { readonly status: Exclude<RegisterStatus, 'predicted' | 'assumed'>; readonly reason: string };

/** A fact that nobody gave. */
export const missing = (reason: string): Part => ({ status: 'host-dependent', reason });

/** Which status weighs most, when several parts are not known. */
const weights: readonly RegisterStatus[] = ['host-dependent', 'not-predicted', 'unpredictable'];

/** The register's answer: one unknown part leaves the whole unknown, one doubt makes the whole an assumption. */
export function combine(parts: readonly Part[], reason: string): RegisterAnswer {
  const unknown = parts.flatMap((part) => ('events' in part ? [] : [part]));
  const worst = unknown.toSorted((a, b) => weights.indexOf(b.status) - weights.indexOf(a.status))[0];
  if (worst) {
    const same = unknown.filter(({ status }) => status === worst.status);
    return { status: worst.status, reason: same.map((part) => part.reason).join('; ') };
  }
  const known = parts.flatMap((part) => ('events' in part ? [part] : []));
  const doubts = [...new Set(known.flatMap((part) => part.doubts ?? []))];
  const events = known.flatMap((part) => part.events);
  return doubts.length === 0
    ? { status: 'predicted', reason, events }
    : { status: 'assumed', reason: doubts.join('; '), events };
}

/** An event of an RTMR before its digest is taken. */
export type RtmrDraft = Omit<PredictedEvent, 'register' | 'registerIndex' | 'digests' | 'dataIsExact'> & {
  readonly measured: Measurable;
  readonly dataIsExact?: boolean;
};

/** The CC measurement register of an RTMR (UEFI 2.11, 38.4.1): MRTD is 0. */
export const mrIndexOfRtmr = (rtmr: number): number => rtmr + 1;

/** The event with its digest. */
export function rtmrEvent(
  context: Pick<TdxContext, 'hasher'>,
  rtmr: number,
  draft: RtmrDraft,
): PredictedEvent {
  const { measured, ...rest } = draft;
  return {
    dataIsExact: true,
    ...rest,
    ...fromLog(measured, rest.dependsOn),
    register: `RTMR${rtmr}`,
    registerIndex: mrIndexOfRtmr(rtmr),
    digests: { sha384: digestOf(context, measured) },
  };
}

/** What was taken over from a log says so. */
function fromLog(
  measured: Measurable,
  dependsOn: PredictedEvent['dependsOn'],
): Partial<Pick<PredictedEvent, 'source' | 'dependsOn'>> {
  if (measured instanceof Uint8Array || measured.logIndex === undefined) return {};
  return {
    source: { kind: 'reference-log', index: measured.logIndex },
    dependsOn: [...dependsOn, 'reference-log'],
  };
}

/** The digest of the bytes, or the given one. */
export function digestOf({ hasher }: Pick<TdxContext, 'hasher'>, measured: Measurable): Uint8Array {
  return measured instanceof Uint8Array ? hash(hasher, 'sha384', measured) : measured.sha384;
}

/** How many bytes that are; 0 where only the digest is known. */
export function lengthOf(measured: Measurable): number {
  return measured instanceof Uint8Array ? measured.length : 0;
}

/** The PCRs of an RTMR (UEFI 2.11, 38.4.1; edk2 TdTcg2Dxe `TdMapPcrToMrIndex`). */
const rtmrOfPcr: Readonly<Record<number, number>> = {
  1: 0,
  7: 0,
  2: 1,
  3: 1,
  4: 1,
  5: 1,
  6: 1,
  8: 2,
  9: 2,
  10: 2,
  11: 2,
  12: 2,
  13: 2,
  14: 2,
  15: 2,
};

/** A TPM's event, as it goes into the RTMR that stands for the PCR. Throws `unsupported` for a PCR that has none. */
export function asRtmrEvent(event: PredictedEvent): PredictedEvent {
  const rtmr = rtmrOfPcr[event.registerIndex];
  const sha384 = event.digests.sha384;
  if (rtmr === undefined || sha384 === undefined)
    throw new MeasureError('unsupported', `An event of ${event.register} goes into no RTMR`);
  const register: RegisterName = `RTMR${rtmr}`;
  return { ...event, register, registerIndex: mrIndexOfRtmr(rtmr), digests: { sha384 } };
}

/** Everything that the registers share, read once. */
export function tdxContext(input: TdxPredictionInput, hasher: Hasher): TdxContext {
  const { machine } = input;
  const traits = known(() => traitsOf(machine));
  return {
    ...input,
    hasher,
    sections: known(() => sectionsOf(machine.firmware)),
    traits,
    proven: 'value' in traits && (machine.vmm === 'gcp' || areProven(traits.value)),
  };
}

function sectionsOf(firmware: TdxFirmware | undefined): readonly TdvfSection[] {
  if (firmware?.file) return parseTdvf(firmware.file).sections;
  if (firmware?.sections) return firmware.sections;
  throw new MeasureError('not-found', 'The firmware is not known');
}

/** What Google's firmware did in every log that was compared. */
const gcpTraits: OvmfTraits = {
  separators: 'one-each',
  measuresFwCfg: false,
  measuresSmbios: false,
  builtinOptions: 'ui-app',
  initrdArgument: 'suffix',
  readsUnpatchedKernel: false,
};

function traitsOf({ vmm, firmware }: TdxMachine): OvmfTraits {
  if (vmm === 'gcp') return gcpTraits;
  const released = firmware?.release === undefined ? undefined : ovmfTraits(firmware.release);
  const evidence = evidenceOf(firmware);
  if (!evidence) {
    if (released) return released;
    throw new MeasureError('not-found', 'Which release of OVMF the firmware was made from is not known');
  }
  const { measures, traits } = evidence;
  if (!measures)
    throw new MeasureError('unsupported', 'The firmware has no driver that measures into RTMRs (TdTcg2Dxe)');
  const separators = traits.separators ?? released?.separators;
  if (!separators) {
    throw new MeasureError(
      'not-found',
      'The firmware’s code does not show where its separators go; its release (before 202411, or not) would',
    );
  }
  // What the code shows counts: distributions take changes into older releases.
  return { ...traits, separators };
}

/** What the firmware's code shows, given or read out of its file; a file that cannot be read counts where nothing else does. */
export function evidenceOf(firmware: TdxFirmware | undefined): OvmfEvidence | undefined {
  const file = firmware?.file;
  if (!file || firmware.evidence) return firmware?.evidence;
  if (firmware.release === undefined) return readOvmfTraits(file);
  const read = known(() => readOvmfTraits(file));
  return 'value' in read ? read.value : undefined;
}

/** The value, or the message of our own error. */
export function known<T>(read: () => T): Known<T> {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof MeasureError) return { unknown: error.message };
    throw error;
  }
}
