import { utf16z } from '../bytes/text.ts';
import { MeasureError } from '../error.ts';
import { readPe } from '../pe/image.ts';
import { encodeTaggedEvent } from '../tcg/event-data.ts';
import { parseGpt } from '../uefi/gpt.ts';
import { stubRules } from '../uki/rules.ts';
import { readStubVersion } from '../uki/stub.ts';
import type { Known, PredictionContext } from './context.ts';
import type { PredictedEvent } from './prediction.ts';
import { known, missing, type Part, rtmrEvent, type TdxContext } from './tdx-context.ts';
import type { TdxBoot } from './tdx-machine.ts';
import { tdxSecureBoot } from './tdx-secure-boot.ts';

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

/** The image as the rules for a TPM's registers look at it: all that is not firmware's is measured alike. */
export function pcrContext(context: TdxContext, boot: Extract<TdxBoot, { kind: 'disk' }>): PredictionContext {
  const { uki, disk, imagePath } = boot;
  const pe = readPe(uki);
  const state = tdxSecureBoot(context);
  const secureBoot: PredictionContext['secureBoot'] =
    'unknown' in state
      ? { kind: 'missing', reason: state.unknown }
      : {
          kind: 'starts',
          firmware: { name: 'the TD’s firmware', secureBoot: state.value.built },
          variables: state.value.variables,
          authority: 'not-asked',
        };
  const enforced = 'value' in state && state.value.enforced;
  return {
    uki,
    pe,
    stub: known(() => stubRules(readStubVersion(uki, pe).major)),
    gpt: readDisk(disk),
    machine: { disk, imagePath, secureBoot: enforced ? 'on' : 'off' },
    kernel: context.kernel ?? {},
    secureBoot,
    hasher: context.hasher,
    banks: ['sha384'],
  };
}

function readDisk(disk: Extract<TdxBoot, { kind: 'disk' }>['disk']): PredictionContext['gpt'] {
  if (disk === 'unpartitioned') return 'none';
  if (!(disk instanceof Uint8Array)) return disk;
  try {
    return parseGpt(disk);
  } catch (error) {
    if (error instanceof MeasureError && error.code === 'not-found') return 'none';
    throw error;
  }
}

/** SMBIOS structures by type, with the tag and the name that the stub gives the event. */
const smbiosTags: Readonly<Record<number, { readonly tag: number; readonly name: string }>> = {
  1: { tag: 0xd5cb7cbc, name: 'smbios:1' },
  2: { tag: 0xe0d47bc8, name: 'smbios:2' },
  11: { tag: 0xc0b3bd23, name: 'smbios:11' },
};

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
  const structures = machine.smbiosStructures;
  if (!structures)
    return missing(
      'The SMBIOS structures of type 1, 2 and 11 are not known, which this image’s stub measures',
    );
  const events = [1, 2, 11].flatMap((type) =>
    structures.filter(([first]) => first === type).map((structure) => smbiosEvent(context, type, structure)),
  );
  return { events, doubts };
}

/** Offset of Wake-up Type in the structure of type 1 (SMBIOS 3.7, 7.2), which the stub clears. */
const wakeUpOffset = 24;

function smbiosEvent(context: TdxContext, type: number, structure: Uint8Array): PredictedEvent {
  const measured = Uint8Array.from(structure);
  if (type === 1 && measured.length > wakeUpOffset) measured[wakeUpOffset] = 0;
  const { tag, name } = smbiosTags[type] ?? { tag: 0, name: '' };
  return rtmrEvent(context, 0, {
    stage: 'stub',
    eventType: 'EV_EVENT_TAG',
    measured,
    data: encodeTaggedEvent(tag, utf16z(name)),
    dataIsExact: false,
    source: { kind: 'fw_cfg', file: 'etc/smbios/smbios-tables', length: structure.length },
    clause: 'systemd src/boot/measure.c `measure_smbios`',
    dependsOn: ['smbios', 'stub'],
    description: `SMBIOS structure of type ${type}, measured by the stub`,
  });
}
