import type { HashName } from '../hash.ts';
import type { EventTypeName } from '../tcg/event-type.ts';
import type { BankDigests } from '../tpm/bank.ts';

/** A register's name in messages and JSON. */
export type RegisterName = `PCR${number}`;

/**
 * - `predicted`: every event is known; the values are what the machine will hold when the application starts,
 *   unless the running system extends the register itself.
 * - `host-dependent`: follows from facts about the machine that were not given; `reason` names them.
 * - `unpredictable`: cannot be known before a boot; `reason` says why.
 * - `not-predicted`: could be known, but this version has no rules for it.
 *
 * Only a `predicted` register has events and values.
 */
export type RegisterStatus = 'predicted' | 'host-dependent' | 'unpredictable' | 'not-predicted';

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
  | 'smbios';

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
  /** The machine description. */
  | { readonly kind: 'machine'; readonly fact: string };

/**
 * The stages of a boot, in order. Firmware and stub measure to several registers by turns;
 * the stage puts the events of all of them into one log.
 */
export const bootStages = [
  'variables',
  'boot-option',
  'separators',
  'partition-table',
  'image',
  'stub',
  'kernel',
  'kernel-start',
  'exit-boot-services',
] as const;
export type BootStage = (typeof bootStages)[number];

/** One measurement that will happen. */
export interface PredictedEvent {
  readonly register: RegisterName;
  readonly pcr: number;
  readonly stage: BootStage;
  readonly eventType: EventTypeName;
  readonly digests: BankDigests;
  /** The event's data as a log shows it. */
  readonly data: Uint8Array;
  /** False where a real log's data holds facts of one boot, such as load addresses. No digest depends on them. */
  readonly dataIsExact: boolean;
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
  readonly pcr: number;
  readonly status: RegisterStatus;
  /** Why the status is what it is; a sentence without full stop. */
  readonly reason: string;
  /** What the register covers, in words. */
  readonly covers: string;
  readonly events: readonly PredictedEvent[];
  /** Bank → value; empty unless `predicted`. */
  readonly values: BankDigests;
}

/** Everything that is known before the boot about one machine's registers. */
export interface Prediction {
  readonly banks: readonly HashName[];
  readonly registers: readonly RegisterPrediction[];
}

/** All predicted events in the order in which they will happen. */
export function predictedEvents(prediction: Prediction): PredictedEvent[] {
  return prediction.registers
    .flatMap(({ events }) => events)
    .toSorted((a, b) => bootStages.indexOf(a.stage) - bootStages.indexOf(b.stage));
}

/** The register of that name. */
export function findRegister(prediction: Prediction, register: RegisterName): RegisterPrediction | undefined {
  return prediction.registers.find((each) => each.register === register);
}
