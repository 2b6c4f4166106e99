import type { Hasher, HashName } from '../hash.ts';
import type { EventLogFile } from '../tcg/log-file.ts';
import type { AlignedEvent } from './align-events.ts';
import type { SectionChanges } from './section-changes.ts';

/** Why a machine differs from its prediction, from a closed list. */
export type CauseCode =
  | 'kernel'
  | 'initrd'
  | 'command-line'
  | 'os-release'
  | 'image-section'
  | 'other-image'
  | 'stub'
  | 'other-application'
  | 'extra-application'
  | 'firmware'
  | 'firmware-variables'
  | 'secure-boot'
  | 'secure-boot-keys'
  | 'authority'
  | 'boot-order'
  | 'boot-entry'
  | 'extra-device'
  | 'missing-device'
  | 'partition-table'
  | 'option-rom'
  | 'separator'
  | 'firmware-error'
  | 'boot-retry'
  | 'log-early'
  | 'ram'
  | 'vcpus'
  | 'acpi'
  | 'smbios'
  | 'fw-cfg'
  | 'credentials'
  | 'system-extension'
  | 'runtime'
  | 'order'
  | 'unknown';

/** An answer to "why". */
export interface Cause {
  readonly code: CauseCode;
  /**
   * `proven`: recomputed, so that the digests that were observed follow from it. `likely`: by kind and place of what
   * differs.
   */
  readonly certainty: 'proven' | 'likely';
  /** One line, without full stop. */
  readonly text: string;
}

/** One register, aligned. */
export interface AlignedRegister {
  readonly register: string;
  readonly registerIndex: number;
  readonly rows: readonly AlignedEvent[];
}

/** What a rule may look at: all registers, as what one shows explains another. */
export interface CauseContext {
  readonly file: EventLogFile;
  readonly registers: readonly AlignedRegister[];
  /** Banks in which digests are compared; the first is used for trials. */
  readonly banks: readonly HashName[];
  readonly sections: SectionChanges;
  readonly hasher: Hasher;
}

/** The place that asks for a cause: a row that is not `equal`, and its register. */
export interface CausePlace {
  readonly row: AlignedEvent;
  readonly register: AlignedRegister;
  /** Position of the row in the register. */
  readonly position: number;
}

/** A line of the table of causes: the first rule that answers is right. */
export type CauseRule = (place: CausePlace, context: CauseContext) => Cause | undefined;

export const proven = (code: CauseCode, text: string): Cause => ({ code, certainty: 'proven', text });
export const likely = (code: CauseCode, text: string): Cause => ({ code, certainty: 'likely', text });

/** All rows of all registers that fulfil a condition. */
export function findRows(
  { registers }: Pick<CauseContext, 'registers'>,
  wanted: (row: AlignedEvent) => boolean,
): AlignedEvent[] {
  return registers.flatMap(({ rows }) => rows.filter(wanted));
}

/** The type that a row's event has, predicted or observed. */
export function typeOf({ predicted, observed }: AlignedEvent): string {
  return observed?.untrustedType ?? predicted?.eventType ?? '';
}
