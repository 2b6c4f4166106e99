import type { Hasher, HashName } from '../hash.ts';
import type { PeImage } from '../pe/image.ts';
import { measure } from '../tpm/bank.ts';
import type { CommonBeginnings } from '../tpm/common-beginnings.ts';
import type { Gpt } from '../uefi/gpt.ts';
import type { KnownStub } from '../uki/rules.ts';
import type { KernelFacts, Machine } from './machine.ts';
import type { PredictedEvent, RegisterStatus } from './prediction.ts';
import type { SecureBootDecision } from './secure-boot.ts';

/** What every register's rules look at. */
export interface PredictionContext {
  readonly uki: Uint8Array;
  readonly pe: PeImage;
  /** The stub's rules, or why there are none. */
  readonly stub: Known<KnownStub>;
  /** The boot disk's partition table, or its absence; `undefined` when the disk is not known. */
  readonly gpt: Gpt | 'none' | undefined;
  readonly machine: Machine;
  readonly kernel: KernelFacts;
  /** Whether firmware starts the image, by its Secure Boot keys. */
  readonly secureBoot: SecureBootDecision;
  readonly hasher: Hasher;
  readonly beginnings: CommonBeginnings;
  readonly banks: readonly HashName[];
}

/** A fact, or the reason for its absence. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** What the rules of one register answer. */
export type RegisterAnswer =
  | {
      readonly status: 'predicted' | 'assumed';
      readonly reason: string;
      readonly events: readonly PredictedEvent[];
    }
  | { readonly status: Exclude<RegisterStatus, 'predicted' | 'assumed'>; readonly reason: string };

/** An event of a PCR before its digests are taken: `measured` is what is hashed, in parts. */
export type EventDraft = Omit<PredictedEvent, 'register' | 'registerIndex' | 'digests' | 'dataIsExact'> & {
  readonly measured: readonly Uint8Array[];
  readonly dataIsExact?: boolean;
};

/** The event with its digests in every bank. */
export function pcrEvent(
  context: PredictionContext,
  registerIndex: number,
  draft: EventDraft,
): PredictedEvent {
  const { measured, ...rest } = draft;
  return {
    dataIsExact: true,
    ...rest,
    register: `PCR${registerIndex}`,
    registerIndex,
    digests: measure(context.hasher, context.banks, measured, context.beginnings),
  };
}
