import { readPe } from '../pe/image.ts';
import { readStubVersion } from '../uki/stub.ts';
import type { Known, PredictionContext } from './context.ts';
import type { Machine } from './machine.ts';
import { stubSmbiosEvents } from './stub-smbios.ts';
import { asRtmrEvent, known, missing, type Part, type TdxContext } from './tdx-context.ts';
import type { TdxBoot } from './tdx-machine.ts';
import { tdxSecureBoot } from './tdx-secure-boot.ts';
import { tpmContext } from './tpm-register.ts';

/** From this version on the stub measures its sections through EFI_CC_MEASUREMENT_PROTOCOL (systemd pull request 30996). */
const firstWithCc = 256;
/** From this one on it measures SMBIOS structures there, too (systemd pull requests 42233 and 42851). */
const firstWithCcSmbios = 262;
/** Later than the change that lets tagged events go there (41099); what this release does to SMBIOS was not settled. */
const unsettledSmbios = 261;

/** The major version of the image's stub. */
export function stubMajor(uki: Uint8Array): Known<number> {
  return known(() => readStubVersion(uki, readPe(uki)).major);
}

/** Whether the stub's own measurements reach the RTMRs. */
export function stubMeasuresToCc(major: number): boolean {
  return major >= firstWithCc;
}

/**
 * The image as the rules for a TPM's registers look at it: all that is not firmware's is measured alike. Throws as
 * `readPe` and `parseGpt` do.
 */
export function pcrContext(
  context: TdxContext,
  { uki, disk, imagePath }: Extract<TdxBoot, { kind: 'disk' }>,
): PredictionContext {
  const state = tdxSecureBoot(context);
  const enforced = 'value' in state && state.value.enforced;
  const machine: Machine = {
    disk,
    imagePath,
    secureBoot: enforced ? 'on' : 'off',
    secureBootVariables: enforced ? state.value.variables : {},
  };
  // Of firmware that does not ask for signatures, nothing else about Secure Boot reaches the image.
  const firmware = 'value' in state ? { name: 'the TD’s firmware', secureBoot: enforced } : undefined;
  return tpmContext({ uki, machine, kernel: context.kernel, banks: ['sha384'] }, context.hasher, firmware);
}

/** Why the image is not started, or may not be. */
export function whyNotStarted(pcrs: PredictionContext): Part | undefined {
  const { secureBoot } = pcrs;
  if (secureBoot.kind === 'starts') return undefined;
  if (secureBoot.kind === 'missing' || secureBoot.kind === 'contradiction') return missing(secureBoot.reason);
  return { status: 'unpredictable', reason: secureBoot.reason };
}

/** What the stub measures of SMBIOS, which goes into RTMR 0 behind all that firmware measured. */
export function predictStubSmbios(context: TdxContext): Part {
  const { boot, machine } = context;
  // A kernel without a stub, and digests, of whose images nothing more is known.
  if (boot.kind !== 'disk') return { events: [] };
  const major = stubMajor(boot.uki);
  if ('unknown' in major) return { status: 'unpredictable', reason: major.unknown };
  if (major.value < unsettledSmbios) return { events: [] };
  const doubts = [
    `That systemd-stub ${major.value} measures SMBIOS into RTMR 0, or not, was not compared with a TD`,
  ];
  if (major.value < firstWithCcSmbios) return { events: [], doubts };
  if (!machine.smbiosTable) {
    return missing('The SMBIOS table of the machine is not known, of which this image’s stub measures parts');
  }
  const events = stubSmbiosEvents(pcrContext(context, boot), machine.smbiosTable);
  if ('unknown' in events) return { status: 'not-predicted', reason: events.unknown };
  return { events: events.value.events.map(asRtmrEvent), doubts };
}
