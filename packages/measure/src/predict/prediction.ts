import type { HashName } from '../hash.ts';
import type { EventTypeName } from '../tcg/event-type.ts';
import type { BankDigests } from '../tpm/bank.ts';

/** What measures: a TPM 2.0, an Intel TDX module, an AMD SEV-SNP processor. */
export type Technology = 'tpm' | 'tdx' | 'snp';

/** A register's name in messages and JSON. */
export type RegisterName = `PCR${number}` | 'MRTD' | `RTMR${number}` | 'LAUNCH_DIGEST';

/**
 * - `predicted`: every event is known; the values are what the machine will hold when the application starts,
 *   unless the running system extends the register itself.
 * - `assumed`: as `predicted`, but by a rule that was read in source and never compared with a real machine of these
 *   versions, or with events that are taken from a reference log; `reason` says which. Nothing pins such a register.
 * - `host-dependent`: follows from facts about the machine that were not given; `reason` names them.
 * - `unpredictable`: cannot be known before a boot; `reason` says why.
 * - `not-predicted`: could be known, but this version has no rules for it.
 *
 * Only a `predicted` or `assumed` register has events and values.
 */
export type RegisterStatus = 'predicted' | 'assumed' | 'host-dependent' | 'unpredictable' | 'not-predicted';

/** What an event's digest follows from. */
export type Dependency =
  | 'image'
  | 'stub'
  | 'kernel'
  | 'firmware'
  | 'secure-boot'
  | 'boot-option'
  | 'partition-table'
  | 'devices'
  | 'smbios'
  | 'acpi'
  | 'boot-order'
  | 'secure-boot-keys'
  | 'ram'
  | 'vcpus'
  | 'cpu-model'
  | 'vmm'
  | 'guest-features'
  | 'command-line'
  | 'side-files'
  | 'cloud'
  | 'reference-log';

/** Where the measured bytes come from. Offsets and lengths are in bytes. */
export type EventSource =
  /** A value of the specification. */
  | { readonly kind: 'constant'; readonly text: string }
  /** The image file (its Authenticode ranges). */
  | { readonly kind: 'image'; readonly length: number }
  /** A section's name or contents; `offset` in the image file, `length` in memory. */
  | {
      readonly kind: 'section';
      readonly section: string;
      readonly part: 'name' | 'contents' | 'authenticode';
      readonly offset: number;
      readonly length: number;
    }
  /** Bytes made of several sections. */
  | { readonly kind: 'sections'; readonly sections: readonly string[]; readonly length: number }
  /** The disk's partition table. */
  | { readonly kind: 'partition-table'; readonly partitions: number }
  /** A UEFI variable. */
  | { readonly kind: 'variable'; readonly name: string }
  /** A part of the firmware file: `offset` and `length` in that file, or in the volume that `part` names. */
  | { readonly kind: 'firmware'; readonly part: string; readonly offset: number; readonly length: number }
  /** A file that the VMM hands to firmware (`etc/acpi/tables`). */
  | { readonly kind: 'fw_cfg'; readonly file: string; readonly length: number }
  /** Bytes that a rule makes of the facts named in `from` (TD HOB, VMSA, table of hashes). */
  | { readonly kind: 'computed'; readonly from: string; readonly length: number }
  /** An event of a real log that is taken as it is; `index` counts from 0. */
  | { readonly kind: 'reference-log'; readonly index: number }
  /** The machine description. */
  | { readonly kind: 'machine'; readonly fact: string };

/**
 * The stages of a boot, in order. Firmware and stub measure to several registers by turns;
 * the stage puts the events of all of them into one log.
 */
export const bootStages = [
  'launch',
  'crtm',
  'firmware-volumes',
  'handoff-tables',
  'variables',
  'configuration',
  'boot-variables',
  'boot-option',
  'separators',
  'late-handoff-tables',
  'authority',
  'partition-table',
  'image',
  'shim',
  'shim-image',
  'stub',
  'kernel',
  'kernel-start',
  'exit-boot-services',
] as const;
export type BootStage = (typeof bootStages)[number];

/** How a TDX module or an SEV-SNP processor measures memory at launch, before anything runs. */
export type LaunchEventType =
  | 'MEM.PAGE.ADD'
  | 'MR.EXTEND'
  | 'PAGE_TYPE_NORMAL'
  | 'PAGE_TYPE_VMSA'
  | 'PAGE_TYPE_ZERO'
  | 'PAGE_TYPE_UNMEASURED'
  | 'PAGE_TYPE_SECRETS'
  | 'PAGE_TYPE_CPUID';

/** The number of a type that the specification doesn't name, as events of a reference log can have it: `0x00000800`. */
export type UnnamedEventType = `0x${string}`;

/** One measurement that will happen. */
export interface PredictedEvent {
  readonly register: RegisterName;
  /** The register's index in event logs: of a PCR its own; of TDX the CC measurement register (MRTD 0, RTMR n is n + 1). */
  readonly registerIndex: number;
  readonly stage: BootStage;
  /** A launch event stands for the pages of one range; it stands in no event log. */
  readonly eventType: EventTypeName | LaunchEventType | UnnamedEventType;
  /**
   * What extends the register, by bank. Of a launch event: the digest of the range's contents, for people to compare,
   * as the register's value is not made of it.
   */
  readonly digests: BankDigests;
  /** The event's data as a log shows it. */
  readonly data: Uint8Array;
  /** False where a real log's data holds facts of one boot, such as load addresses. No digest depends on them. */
  readonly dataIsExact: boolean;
  /** The text that is hashed, where it is one that the data don't show: a difference is then found by trying others. */
  readonly measuredText?: string | undefined;
  readonly source: EventSource;
  /** Document and section, or source file, that says so. */
  readonly clause: string;
  readonly dependsOn: readonly Dependency[];
  /** What is measured, in words. */
  readonly description: string;
}

/** What is known about one register before the boot. */
export interface RegisterPrediction {
  readonly register: RegisterName;
  /** As in `PredictedEvent`. */
  readonly registerIndex: number;
  readonly status: RegisterStatus;
  /** Why the status is what it is; a sentence without full stop. */
  readonly reason: string;
  /** What the register covers, in words. */
  readonly covers: string;
  readonly events: readonly PredictedEvent[];
  /** Bank → value; empty unless `predicted` or `assumed`. */
  readonly values: BankDigests;
  /** The locality of the TPM's start-up, where PCR 0 starts from another than 0: its value is not that of its events alone. */
  readonly startupLocality?: number | undefined;
}

/** Whose word a register's value is: that of altee's rules, that of a reference log, or partly each. */
export type RegisterTrust = 'computed' | 'mixed' | 'from-log';

/** A copied event says that a machine did measure that once, and no more; an empty register is computed. */
export function registerTrust({ events }: Pick<RegisterPrediction, 'events'>): RegisterTrust {
  const copied = events.filter(({ source }) => source.kind === 'reference-log').length;
  if (copied === 0) return 'computed';
  return copied === events.length ? 'from-log' : 'mixed';
}

/** Everything that is known before the boot about one machine's registers. */
export interface Prediction {
  readonly technology: Technology;
  /** The hash algorithms of the values: a TPM's banks; SHA-384 alone for TDX and SEV-SNP. */
  readonly banks: readonly HashName[];
  readonly registers: readonly RegisterPrediction[];
}

/**
 * All predicted events in the order in which they will happen: by stages, of a reference log in its order, and never
 * against the order within a register, which is what its value depends on.
 */
export function predictedEvents(prediction: Prediction): PredictedEvent[] {
  return prediction.registers
    .flatMap(({ events }) => withPlaces(events))
    .toSorted((a, b) => a.stage - b.stage || a.index - b.index)
    .map(({ event }) => event);
}

function withPlaces(
  events: readonly PredictedEvent[],
): { event: PredictedEvent; stage: number; index: number }[] {
  let [stage, index] = [0, -1];
  return events.map((event) => {
    stage = Math.max(stage, bootStages.indexOf(event.stage));
    index = Math.max(index, event.source.kind === 'reference-log' ? event.source.index : -1);
    return { event, stage, index };
  });
}

/** The register of that name. */
export function findRegister(prediction: Prediction, register: RegisterName): RegisterPrediction | undefined {
  return prediction.registers.find((each) => each.register === register);
}
